package gateway

import (
	"net/http"
	"strings"

	"gatehouse/internal/policy"
)

// handshake refuses requests to a WebSocket API that open no WebSocket.
func handshake(x *exchange) *policy.Error {
	if strings.EqualFold(x.upgradeTo, "websocket") {
		return nil
	}
	if x.r.ProtoMajor == 1 { // HTTP/2 has no such headers
		x.SetFinalHeader("Connection", "Upgrade")
		x.SetFinalHeader("Upgrade", "websocket")
	}
	return &policy.Error{Source: "websocket", Reason: "UpgradeRequired", Status: http.StatusUpgradeRequired, Scope: "api", Section: "inbound",
		Message: "This is a WebSocket API: the request must ask for an upgrade to websocket over HTTP/1.1."}
}
