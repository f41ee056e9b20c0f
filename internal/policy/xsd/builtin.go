package xsd

import (
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"regexp"
	"strings"
	"time"
)

// maxNumber is how many characters a number may have: longer ones cost more
// than they tell.
const maxNumber = 400

var (
	decimalText  = regexp.MustCompile(`^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$`)
	integerText  = regexp.MustCompile(`^[+-]?\d+$`)
	floatText    = regexp.MustCompile(`^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?|-?INF|NaN)$`)
	durationText = regexp.MustCompile(`^-?P(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?$`)
	languageText = regexp.MustCompile(`^[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*$`)
	nameText     = regexp.MustCompile(`^[\pL_:][\pL\pN\pM\-._:]*$`)
	ncNameText   = regexp.MustCompile(`^[\pL_][\pL\pN\pM\-._]*$`)
	tokenText    = regexp.MustCompile(`^[\pL\pN\pM\-._:]+$`)
	qNameText    = regexp.MustCompile(`^(?:[\pL_][\pL\pN\pM\-._]*:)?[\pL_][\pL\pN\pM\-._]*$`)
)

func matches(re *regexp.Regexp) func(string) bool {
	return func(s string) bool { return re.MatchString(s) }
}

func number(text string) *big.Rat {
	if len(text) > maxNumber || !decimalText.MatchString(text) {
		return nil
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil
	}
	return r
}

// integer makes an integer type with bounds; "" is none.
func integer(low, high string) *simple {
	var lowest, highest *big.Rat
	if low != "" {
		lowest = number(low)
	}
	if high != "" {
		highest = number(high)
	}
	return &simple{collapse: true, order: number, check: func(s string) bool {
		v := number(s)
		return v != nil && integerText.MatchString(s) && (lowest == nil || v.Cmp(lowest) >= 0) && (highest == nil || v.Cmp(highest) <= 0)
	}}
}

// moment makes a type of dates or times, which compare by their instant.
func moment(layouts ...string) *simple {
	at := func(s string) *big.Rat {
		for _, layout := range layouts {
			for _, zone := range []string{"", "Z07:00"} {
				if t, err := time.Parse(layout+zone, s); err == nil {
					return new(big.Rat).SetFrac(new(big.Int).Add(new(big.Int).Mul(big.NewInt(t.Unix()), big.NewInt(1e9)), big.NewInt(int64(t.Nanosecond()))), big.NewInt(1))
				}
			}
		}
		return nil
	}
	return &simple{collapse: true, order: at, check: func(s string) bool { return at(s) != nil }}
}

func text(check func(string) bool) *simple { return &simple{collapse: true, check: check} }

// builtin gives a built-in simple type, nil when there is none of that name.
func builtin(local string) *simple {
	switch local {
	case "string", "anySimpleType":
		return &simple{}
	case "normalizedString":
		return &simple{}
	case "token", "anyURI", "IDREFS", "ENTITIES", "NMTOKENS":
		return &simple{collapse: true}
	case "language":
		return text(matches(languageText))
	case "Name":
		return text(matches(nameText))
	case "NCName", "ID", "IDREF", "ENTITY":
		return text(matches(ncNameText))
	case "NMTOKEN":
		return text(matches(tokenText))
	case "QName", "NOTATION":
		return text(matches(qNameText))
	case "boolean":
		return text(func(s string) bool { return s == "true" || s == "false" || s == "1" || s == "0" })
	case "float", "double":
		return &simple{collapse: true, check: matches(floatText), order: floating}
	case "duration":
		return text(func(s string) bool {
			return durationText.MatchString(s) && !strings.HasSuffix(s, "P") && !strings.HasSuffix(s, "T")
		})
	case "base64Binary":
		return text(func(s string) bool {
			_, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(s, " ", ""))
			return err == nil
		})
	case "hexBinary":
		return text(func(s string) bool { _, err := hex.DecodeString(s); return err == nil })
	}
	return builtinNumber(local)
}

func floating(s string) *big.Rat {
	if len(s) > maxNumber || !floatText.MatchString(s) || strings.HasSuffix(s, "INF") || s == "NaN" {
		return nil
	}
	f, _, err := big.ParseFloat(s, 10, 64, big.ToNearestEven)
	if err != nil {
		return nil
	}
	r, _ := f.Rat(nil)
	return r
}

func builtinNumber(local string) *simple {
	switch local {
	case "decimal":
		return &simple{collapse: true, order: number, check: func(s string) bool { return number(s) != nil }}
	case "integer":
		return integer("", "")
	case "nonPositiveInteger":
		return integer("", "0")
	case "negativeInteger":
		return integer("", "-1")
	case "nonNegativeInteger":
		return integer("0", "")
	case "positiveInteger":
		return integer("1", "")
	case "long":
		return integer("-9223372036854775808", "9223372036854775807")
	case "int":
		return integer("-2147483648", "2147483647")
	case "short":
		return integer("-32768", "32767")
	case "byte":
		return integer("-128", "127")
	case "unsignedLong":
		return integer("0", "18446744073709551615")
	case "unsignedInt":
		return integer("0", "4294967295")
	case "unsignedShort":
		return integer("0", "65535")
	case "unsignedByte":
		return integer("0", "255")
	case "dateTime":
		return moment("2006-01-02T15:04:05.999999999")
	case "date":
		return moment("2006-01-02")
	case "time":
		return moment("15:04:05.999999999")
	case "gYear":
		return moment("2006")
	case "gYearMonth":
		return moment("2006-01")
	case "gMonthDay":
		return moment("--01-02")
	case "gMonth":
		return moment("--01")
	case "gDay":
		return moment("---02")
	}
	return nil
}
