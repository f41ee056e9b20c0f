package issuer

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const keyDocument = "identity-issuer-keys"

// keys are the signing keys: the newest signs, those before are published until
// their last token has ended.
type keys struct {
	o *Options

	mu   sync.Mutex
	list []keptKey // oldest first
}

type keptKey struct {
	Made time.Time       `json:"made"`
	Key  jose.JSONWebKey `json:"key"`
}

func openKeys(o *Options) (*keys, error) {
	k := &keys{o: o}
	data, err := o.Load(keyDocument)
	if err != nil {
		return nil, err
	}
	if len(data) > 0 {
		if err := json.Unmarshal(data, &k.list); err != nil {
			return nil, fmt.Errorf("the catalog's %s are damaged", keyDocument)
		}
	}
	_, err = k.signing()
	return k, err
}

// signing gives the key that signs, a new one when the time of the last is over.
// A key that cannot be kept is not used: its tokens would be refused after a start.
func (k *keys) signing() (*jose.JSONWebKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.o.Now()
	if n := len(k.list); n > 0 && now.Sub(k.list[n-1].Made) < k.o.Rotation {
		return &k.list[n-1].Key, nil
	}
	made, err := newKey()
	if err != nil {
		return nil, err
	}
	next := slices.DeleteFunc(slices.Clone(k.list), func(old keptKey) bool { return now.Sub(old.Made) > k.o.Rotation+24*time.Hour+k.o.Lifetime })
	next = append(next, keptKey{now.UTC(), made})
	data, err := json.Marshal(next)
	if err == nil {
		err = k.o.Save(keyDocument, data)
	}
	if err != nil {
		if n := len(k.list); n > 0 {
			k.o.Logger.Error("the issuer's key could not be renewed; the one before goes on signing", slog.Any("error", err))
			return &k.list[n-1].Key, nil
		}
		return nil, err
	}
	k.list = next
	return &k.list[len(k.list)-1].Key, nil
}

func newKey() (jose.JSONWebKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return jose.JSONWebKey{}, err
	}
	return jose.JSONWebKey{Key: private, KeyID: hex.EncodeToString(id), Algorithm: string(jose.RS256), Use: "sig"}, nil
}

// Keys are the public ones.
func (i *Issuer) Keys() jose.JSONWebKeySet {
	i.keys.mu.Lock()
	defer i.keys.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, k := range i.keys.list {
		set.Keys = append(set.Keys, k.Key.Public())
	}
	return set
}

func sign(key *jose.JSONWebKey, claims any) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}
