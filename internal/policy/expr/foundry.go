package expr

import (
	"encoding/json"
	"strings"
)

// foundry is context.Request.Foundry: what a request says of a model.
type foundry struct{ r *Request }

// deployment is the model deployment that the request asks for: the segment
// behind "deployments" in the path, else the member "model" of a JSON body,
// which stays as it is. Null when neither is there.
func (f *foundry) deployment() any {
	segments := strings.Split(f.r.OriginalURL.Path, "/")
	for i := 0; i+1 < len(segments); i++ {
		if strings.EqualFold(segments[i], "deployments") && segments[i+1] != "" {
			return segments[i+1]
		}
	}
	body := bodyOf(&f.r.Body)
	if body == nil {
		return nil
	}
	var asked struct {
		Model *string `json:"model"`
	}
	if json.Unmarshal([]byte(bodyText(readBody(&f.r.Body, true))), &asked) != nil || asked.Model == nil {
		return nil
	}
	return *asked.Model
}
