package apiops

import "gatehouse/internal/apim"

// certificates reads which certificates the service has. A folder holds neither
// them nor their keys: the settings name their files.
func (l *loader) certificates() {
	for _, id := range l.files.children("certificates/") {
		n, ok := l.info("certificates", id, "certificates/"+id+"/certificateInformation.json")
		if !ok {
			continue
		}
		print := apim.NormalThumbprint(l.str(n, "thumbprint"))
		if print == "" && l.str(n, "thumbprint") != "" {
			l.fail(n.get("thumbprint").at, "thumbprint must be the 40 hex digits of a SHA-1 thumbprint")
		}
		l.service.Certificates = append(l.service.Certificates, &apim.Certificate{ID: id, Thumbprint: print})
	}
}
