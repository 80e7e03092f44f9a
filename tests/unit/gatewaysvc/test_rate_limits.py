from gatewaysvc.rate_limits import PASSWORD_ROUTES
from gatewaysvc.routes import RouteTable
from gatewaysvc.services import SERVICES


def test_what_takes_passwords_and_mailed_links_is_served_under_these_paths():
    table = RouteTable(service.descriptor for service in SERVICES)
    assert {(route.http_method, route.template.text) for route in table.routes} >= PASSWORD_ROUTES
