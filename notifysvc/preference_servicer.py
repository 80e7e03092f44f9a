"""PreferenceService over gRPC: reads the request, asks who knows, answers. Errors raise."""

from dataclasses import replace

import structlog
from taskbell.notifications.v1 import preferences_pb2 as pb
from taskbell.notifications.v1.preferences_pb2_grpc import PreferenceServiceServicer

from chassis.caller import caller
from chassis.interceptors import Context
from notifysvc.mutes import Mutes
from notifysvc.preference_patch import patched, preferences_to_pb
from notifysvc.preference_store import PreferenceStore
from notifysvc.preferences import REASONS, Preferences, Rule
from notifysvc.unsubscribe_links import UnsubscribeLinks

_log = structlog.get_logger("notifysvc.preference_servicer")


class PreferenceServicer(PreferenceServiceServicer):
    """What people want to be told."""

    def __init__(self, preferences: PreferenceStore, mutes: Mutes, links: UnsubscribeLinks) -> None:
        self._preferences = preferences
        self._mutes = mutes
        self._links = links

    async def GetPreferences(self, _request: pb.GetPreferencesRequest, _context: Context) -> pb.Preferences:
        """The caller's."""
        user_id = caller().user_id
        return preferences_to_pb(user_id, await self._preferences.get(user_id))

    async def UpdatePreferences(self, request: pb.UpdatePreferencesRequest, _context: Context) -> pb.Preferences:
        """Changes the caller's."""
        user_id, said = caller().user_id, request.preferences
        after = await self._preferences.change(
            user_id,
            lambda before: patched(before, said, request.update_mask),
            given_etag=said.etag,
            request_id=request.request_id,
        )
        await self._mutes.changed(user_id)
        return preferences_to_pb(user_id, after)

    async def Unsubscribe(self, request: pb.UnsubscribeRequest, _context: Context) -> pb.UnsubscribeResponse:
        """Ends mails of whoever got the link."""
        meant = self._links.read(request.token)

        def without(before: Preferences) -> Preferences:
            off = {
                reason: Rule(before.rule(reason).inbox, pb.PreferenceRule.OFF)
                for reason in REASONS
                if request.everything or meant.covers(reason, before.rule(reason))
            }
            return replace(before, rules={**before.rules, **off})

        after = await self._preferences.change(meant.user_id, without)
        _log.info("unsubscribed", reason=meant.reason, everything=request.everything)
        return pb.UnsubscribeResponse(reasons=after.reasons(pb.PreferenceRule.OFF))
