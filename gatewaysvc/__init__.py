"""The front door for HTTP: REST, WebSocket and server-sent events, translated to gRPC and back."""
