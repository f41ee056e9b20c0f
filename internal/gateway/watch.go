package gateway

import "gatehouse/internal/policy"

// watch asks whether somebody watches this request. Where nobody ever does, it
// costs one comparison.
func (x *exchange) watch() {
	observer := x.gateway.options.Observer
	if observer == nil || !observer.Watches(&x.Context) {
		return
	}
	own := x.requestSecrets()
	o := policy.Observed{AllowTracing: x.traceable, Mask: mask(x.snapshot.secrets, newSecretIndex(own), x.snapshot.disguised, newDisguiseIndex(own))}
	if x.api != nil {
		o.KeyHeader, o.KeyQuery = x.api.keyHeader, x.api.keyQuery
	}
	x.Recorder = observer.Observe(&x.Context, o)
}

// mask takes out of a text the secrets of the service and what the request
// brought as credentials.
func mask(lists ...*secretIndex) func(string) string {
	return func(text string) string {
		for _, list := range lists {
			text = list.mask(text)
		}
		return text
	}
}

// Pipelines are all compiled policies of a snapshot, for tools.
func (s *Snapshot) Pipelines() []*policy.Pipeline {
	out := []*policy.Pipeline{s.notFound.pipeline}
	for _, a := range s.apis {
		out = append(out, a.fallback.pipeline)
		for _, op := range a.operations {
			for _, v := range op.variants {
				out = append(out, v.pipeline)
			}
		}
	}
	return out
}
