package backend

// HTTPScheme is the scheme that a request to a WebSocket or gRPC address is
// sent with; other schemes are given back as they are.
func HTTPScheme(scheme string) string {
	switch scheme {
	case "ws", "grpc":
		return "http"
	case "wss", "grpcs":
		return "https"
	}
	return scheme
}
