package expr

import "testing"

func TestDeploymentOfARequest(t *testing.T) {
	p, err := Compile(`context.Request.Foundry.Deployment ?? "none"`, false, String, Strict)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct{ path, body, want string }{
		{"/openai/deployments/small/chat/completions", `{"model":"other"}`, "small"},
		{"/openai/v1/chat/completions", `{"model":"large","messages":[]}`, "large"},
		{"/openai/v1/chat/completions", `{"messages":[]}`, "none"},
		{"/openai/v1/chat/completions", `{"model":5}`, "none"},
		{"/openai/v1/chat/completions", `not JSON`, "none"},
		{"/openai/deployments/", ``, "none"},
	} {
		c := testContext()
		c.Request.OriginalURL.Path = one.path
		c.Request.Body = Body{}
		if one.body != "" {
			c.Request.Body = BytesBody([]byte(one.body))
		}
		got, err := p.String(c)
		if err != nil || got != one.want {
			t.Errorf("%s %s: %v %v, want %s", one.path, one.body, got, err, one.want)
		}
		if one.body == "" {
			continue
		}
		if left, err := c.Request.Body.Bytes(true); err != nil || string(left) != one.body {
			t.Errorf("%s: the body is %q %v afterwards", one.path, left, err)
		}
	}
}
