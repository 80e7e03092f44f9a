from aiosmtplib import SMTPDataError, SMTPServerDisconnected

from notifysvc.smtp import _told


def test_what_a_mail_server_says_can_be_kept_whatever_its_bytes_are():
    latin_1 = b"Bo\xeete pleine\0".decode("utf-8", "surrogateescape")  # as aiosmtplib reads it
    assert _told(SMTPDataError(452, latin_1)) == "452 Bo?te pleine"
    assert _told(SMTPServerDisconnected(latin_1)) == "Bo?te pleine"
