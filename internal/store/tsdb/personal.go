package tsdb

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

var (
	email = regexp.MustCompile(`[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\.[A-Za-z]{2,24}`)
	token = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.|(?i:bearer|basic) [A-Za-z0-9+/._~=-]{16,}|\b(ghp|gho|ghs|glpat|xox[abp]|sk|pk)[_-][A-Za-z0-9_-]{16,}`)
	digit = regexp.MustCompile(`[0-9]([ -]?[0-9]){12,18}`)
)

// personal names what a label value looks like: an e-mail address, a payment
// card, a token. "" is nothing of these.
func personal(value string) string {
	if len(value) < 6 {
		return ""
	}
	if strings.IndexByte(value, '@') > 0 && email.MatchString(value) {
		return "an e-mail address"
	}
	if len(value) < 13 {
		return ""
	}
	for _, found := range digit.FindAllString(value, 8) {
		if card(found) {
			return "a payment card"
		}
	}
	if token.MatchString(value) {
		return "a token"
	}
	return ""
}

// card tells numbers of payment cards from others by range, length and check
// digit; a time in milliseconds has none of a card's first digits.
func card(text string) bool {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(text)
	if !strings.ContainsRune("23456", rune(digits[0])) || len(digits) < 13 {
		return false
	}
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// hashPersonal replaces values that look like personal data by their hash:
// series stay apart, and the same value gives the same one.
func (db *DB) hashPersonal(ls labels.Labels) labels.Labels {
	var b *labels.Builder
	ls.Range(func(l labels.Label) {
		if l.Name == model.MetricNameLabel || personal(l.Value) == "" {
			return
		}
		if b == nil {
			b = labels.NewBuilder(ls)
		}
		b.Set(l.Name, hashed(l.Value))
		db.limit.scrubbed.Add(1)
	})
	if b == nil {
		return ls
	}
	return b.Labels()
}

func hashed(value string) string {
	sum := sha256.Sum256([]byte(value))
	return "hash:" + hex.EncodeToString(sum[:8])
}
