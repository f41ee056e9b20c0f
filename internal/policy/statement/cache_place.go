package statement

import (
	"context"
	"encoding/binary"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// cachePlace is the cache that a statement asks: the one in the process, or the
// external one when there is one and the statement may use it.
type cachePlace struct{ external bool }

// compileCachingType checks the attribute that names a cache.
func compileCachingType(k *policy.Compiler, e *policy.Element) cachePlace {
	kind := k.OneOf(e, "caching-type", "prefer-external", "prefer-external", "external", "internal")
	if kind == "external" && !k.Environment().ExternalCache {
		k.Warnf(e.Attr("caching-type").Pos, "there is no external cache: the internal one is used")
	}
	return cachePlace{external: kind != "internal"}
}

// local is the key in the process of a value that cannot leave it.
func local(key string) string { return key + "\x00local" }

func (p cachePlace) get(ctx context.Context, s *policy.Services, key string) (any, bool) {
	if !p.external || s.External == nil {
		return s.Cache.Get(key)
	}
	if data, ok := s.External.Get(ctx, key); ok {
		if value, err := decodeCached(data); err == nil {
			return value, true
		}
	}
	return s.Cache.Get(local(key))
}

func (p cachePlace) set(ctx context.Context, s *policy.Services, key string, value any, ttl time.Duration) {
	if !p.external || s.External == nil {
		s.Cache.Set(key, value, ttl)
	} else if data, ok := encodeCached(value); ok {
		s.External.Set(ctx, key, data, ttl)
	} else {
		s.Cache.Set(local(key), value, ttl)
	}
}

func (p cachePlace) delete(ctx context.Context, s *policy.Services, key string) {
	if !p.external || s.External == nil {
		s.Cache.Delete(key)
		return
	}
	s.External.Delete(ctx, key)
	s.Cache.Delete(local(key))
}

// codeCached begins an encoded cachedResponse; no value of expr begins so.
const codeCached = 'c'

func encodeCached(value any) ([]byte, bool) {
	r, ok := value.(*cachedResponse)
	if !ok {
		return expr.Encode(value)
	}
	data, ok := expr.Encode(&expr.Response{StatusCode: r.status, StatusReason: r.reason, Header: r.header, Body: expr.BytesBody(r.body)})
	return append(binary.LittleEndian.AppendUint64([]byte{codeCached}, uint64(r.expires.UnixNano())), data...), ok
}

func decodeCached(data []byte) (any, error) {
	if len(data) < 9 || data[0] != codeCached {
		return expr.Decode(data)
	}
	value, err := expr.Decode(data[9:])
	r, ok := value.(*expr.Response)
	if !ok {
		return value, err
	}
	body, _ := r.Body.Buffered()
	return &cachedResponse{status: r.StatusCode, reason: r.StatusReason, header: r.Header, body: body,
		expires: time.Unix(0, int64(binary.LittleEndian.Uint64(data[1:])))}, nil
}
