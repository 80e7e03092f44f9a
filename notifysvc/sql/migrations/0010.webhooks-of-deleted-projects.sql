-- Webhooks of projects that were deleted before anybody looked: all are asked about once.
-- depends: 0009.webhook-notices

UPDATE webhooks SET asks = asks + 1;
