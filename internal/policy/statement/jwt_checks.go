package statement

import (
	"strings"
	"time"

	"gatehouse/internal/policy"
)

// checkLifetime checks exp and nbf with the allowed difference of clocks.
func (s *validateJWTStatement) checkLifetime(c *policy.Context, t *token) error {
	seconds, err := s.skew.Eval(c)
	if err != nil {
		return err
	}
	skew, now := duration(seconds), c.Now()
	expires, ok, err := t.time("exp")
	if err != nil {
		return err
	}
	if !ok {
		required, err := s.requireExpiry.Eval(c)
		if err != nil {
			return err
		}
		if required {
			return refuseToken("JwtInvalid", "The token has no expiration time. Access denied.")
		}
	} else if !now.Before(expires.Add(skew)) {
		return refuseToken("TokenExpired", "The token expired at "+expires.UTC().Format(time.RFC3339)+". Access denied.")
	}
	from, ok, err := t.time("nbf")
	if err != nil {
		return err
	}
	if ok && now.Before(from.Add(-skew)) {
		return refuseToken("JwtInvalid", "The token is not valid before "+from.UTC().Format(time.RFC3339)+". Access denied.")
	}
	return nil
}

func (s *validateJWTStatement) checkAudience(c *policy.Context, t *token) error {
	if len(s.audiences) == 0 {
		return nil
	}
	have := t.values("aud")
	for i := range s.audiences {
		want, err := s.audiences[i].Eval(c)
		if err != nil {
			return err
		}
		for _, v := range have {
			if v == want {
				return nil
			}
		}
	}
	return refuseToken("TokenAudienceNotAllowed", "The audience of the token is not allowed. Access denied.")
}

// checkIssuer compares with the listed issuers and with those of the discovery
// documents. A discovery document of many tenants has {tenantid} in its issuer;
// it stands for any tenant unless issuers are listed. An issuer that could not be
// read lets no token in.
func (s *validateJWTStatement) checkIssuer(c *policy.Context, t *token, found discovered) error {
	if len(s.issuers)+len(found.issuers) == 0 && s.tenant == nil && !found.incomplete {
		return nil
	}
	have := t.text("iss")
	for i := range s.issuers {
		want, err := s.issuers[i].Eval(c)
		if err != nil {
			return err
		}
		if have == want && have != "" {
			return nil
		}
	}
	for _, want := range found.issuers {
		if tenant := t.text("tid"); strings.Contains(want, "{tenantid}") {
			if tenant == "" || len(s.issuers) > 0 {
				continue
			}
			want = strings.ReplaceAll(want, "{tenantid}", tenant)
		}
		if have == want && have != "" {
			return nil
		}
	}
	return refuseToken("TokenIssuerNotAllowed", "The issuer of the token is not allowed. Access denied.")
}

func (s *validateJWTStatement) checkApplications(c *policy.Context, t *token) error {
	if s.tenant == nil {
		return nil
	}
	return s.tenant.checkApplications(c, t)
}
