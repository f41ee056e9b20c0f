package siem

import (
	"strconv"
	"strings"

	"gatehouse/internal/activity"
)

// ocsf is an event of the class API Activity of the Open Cybersecurity Schema
// Framework, version 1.1.0.
type ocsf struct {
	ActivityID   int               `json:"activity_id"`
	ActivityName string            `json:"activity_name"`
	CategoryUID  int               `json:"category_uid"`
	CategoryName string            `json:"category_name"`
	ClassUID     int               `json:"class_uid"`
	ClassName    string            `json:"class_name"`
	TypeUID      int               `json:"type_uid"`
	TypeName     string            `json:"type_name"`
	Time         int64             `json:"time"` // ms
	Duration     int64             `json:"duration"`
	SeverityID   int               `json:"severity_id"`
	Severity     string            `json:"severity"`
	StatusID     int               `json:"status_id"`
	Status       string            `json:"status"`
	StatusCode   string            `json:"status_code"`
	Metadata     ocsfMetadata      `json:"metadata"`
	Actor        ocsfActor         `json:"actor"`
	API          ocsfAPI           `json:"api"`
	Source       ocsfEndpoint      `json:"src_endpoint"`
	HTTP         ocsfHTTP          `json:"http_request"`
	Resources    []ocsfResource    `json:"resources,omitempty"`
	Unmapped     map[string]string `json:"unmapped,omitempty"`
}

type ocsfMetadata struct {
	Version  string      `json:"version"`
	UID      string      `json:"uid"` // the same when an event comes twice
	Sequence int64       `json:"sequence"`
	LogName  string      `json:"log_name"`
	Product  ocsfProduct `json:"product"`
}

type ocsfProduct struct {
	Name    string `json:"name"`
	Vendor  string `json:"vendor_name"`
	Version string `json:"version"`
}

type ocsfActor struct {
	User ocsfUser `json:"user"`
}

type ocsfUser struct {
	Name string `json:"name,omitempty"`
	UID  string `json:"uid,omitempty"`
}

type ocsfAPI struct {
	Operation string       `json:"operation"`
	Request   ocsfRequest  `json:"request"`
	Response  ocsfResponse `json:"response"`
}

type ocsfRequest struct {
	UID string `json:"uid"`
}

type ocsfResponse struct {
	Code int `json:"code"`
}

type ocsfEndpoint struct {
	IP   string `json:"ip,omitempty"`
	Name string `json:"name,omitempty"`
}

type ocsfHTTP struct {
	Method    string  `json:"http_method,omitempty"`
	UserAgent string  `json:"user_agent,omitempty"`
	URL       ocsfURL `json:"url"`
}

type ocsfURL struct {
	Path string `json:"path,omitempty"`
}

type ocsfResource struct {
	UID string `json:"uid"`
}

const (
	ocsfClass    = 6003
	ocsfCategory = 6
)

func ocsfOf(e activity.Entry, version string) ocsf {
	out := ocsf{CategoryUID: ocsfCategory, CategoryName: "Application Activity", ClassUID: ocsfClass, ClassName: "API Activity", Time: e.Time.UnixMilli(), Duration: e.DurationMS,
		Status: e.ResultType, StatusID: 2, StatusCode: e.ResultSignature,
		Metadata: ocsfMetadata{Version: "1.1.0", UID: e.CorrelationID, Sequence: e.Sequence, LogName: e.Category, Product: ocsfProduct{Name: "Gatehouse", Vendor: "Gatehouse", Version: version}},
		Actor:    ocsfActor{ocsfUser{Name: e.Identity.Claims["name"], UID: e.Identity.Claims["oid"]}},
		API:      ocsfAPI{Operation: e.OperationName, Request: ocsfRequest{e.CorrelationID}},
		Source:   ocsfEndpoint{IP: e.CallerAddress},
		HTTP:     ocsfHTTP{Method: e.Properties["method"], UserAgent: e.Properties["userAgent"], URL: ocsfURL{e.Properties["path"]}}}
	if out.Source.IP == "" {
		out.Source.Name = "unknown"
	}
	if e.ResultType == "Success" {
		out.StatusID = 1
	}
	if code, err := strconv.Atoi(e.ResultSignature); err == nil {
		out.API.Response.Code = code
	}
	if e.ResourceID != "" {
		out.Resources = []ocsfResource{{e.ResourceID}}
	}
	out.ActivityID, out.ActivityName = ocsfActivity(e)
	out.TypeUID, out.TypeName = ocsfClass*100+out.ActivityID, out.ClassName+": "+out.ActivityName
	out.SeverityID, out.Severity = ocsfSeverity(e.Level)
	out.Unmapped = unmapped(e.Properties)
	return out
}

// ocsfActivity is by the verb at the end of the operation's name, or the method
// of a request through the gateway.
func ocsfActivity(e activity.Entry) (id int, name string) {
	switch {
	case strings.HasSuffix(e.OperationName, "/read"):
		return 2, "Read"
	case strings.HasSuffix(e.OperationName, "/write"):
		return 3, "Update" // Azure's word for create and update
	case strings.HasSuffix(e.OperationName, "/delete"):
		return 4, "Delete"
	case e.Category != activity.Request:
		return 99, "Other"
	}
	switch e.Properties["method"] {
	case "GET", "HEAD", "OPTIONS":
		return 2, "Read"
	case "POST":
		return 1, "Create"
	case "PUT", "PATCH":
		return 3, "Update"
	case "DELETE":
		return 4, "Delete"
	}
	return 99, "Other"
}

func ocsfSeverity(level string) (id int, name string) {
	switch level {
	case "Error":
		return 4, "High"
	case "Warning":
		return 3, "Medium"
	}
	return 1, "Informational"
}

// unmapped are properties that the schema has no place for.
func unmapped(properties map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range properties {
		switch k {
		case "method", "path", "userAgent":
		default:
			out[k] = v
		}
	}
	return out
}
