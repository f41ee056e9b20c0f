package server

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy/expr"
)

// addCertificates gives the service the certificates of the settings, with
// their keys. They complete those that the folder knows by id.
func addCertificates(s *apim.Service, list []CertificateConfig) error {
	var errs []error
	for i := range list {
		c, err := readCertificate(&list[i])
		if err != nil {
			errs = append(errs, fmt.Errorf("service.certificates[%d] %s: %w", i, list[i].ID, err))
			continue
		}
		known := slices.IndexFunc(s.Certificates, func(o *apim.Certificate) bool { return strings.EqualFold(o.ID, c.ID) })
		switch {
		case known < 0:
			s.Certificates = append(s.Certificates, c)
		case s.Certificates[known].CertificatePEM != "":
			errs = append(errs, fmt.Errorf("service.certificates[%d]: there are two with the id %s", i, c.ID))
		default:
			if print := s.Certificates[known].Thumbprint; print != "" && print != c.Thumbprint {
				s.Warnings = append(s.Warnings, apim.Warning{Resource: "certificates/" + c.ID,
					Message: "the folder names the thumbprint " + print + ", the file of the settings has " + c.Thumbprint + ", which is used"})
			}
			c.ID = s.Certificates[known].ID
			s.Certificates[known] = c
		}
	}
	return errors.Join(errs...)
}

const maxCertificateFile = 1 << 20

func readCertificate(c *CertificateConfig) (*apim.Certificate, error) {
	if c.ID == "" || c.File == "" {
		return nil, errors.New("needs id and file")
	}
	password, err := c.Password.read()
	if err != nil {
		return nil, fmt.Errorf("password: %w", err)
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxCertificateFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", c.File, maxCertificateFile)
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		return nil, err
	}
	if c.KeyFile != "" {
		key, err := os.ReadFile(c.KeyFile)
		if err != nil {
			return nil, err
		}
		data = append(append(data, '\n'), key...)
	}
	parsed, err := expr.ParseCertificate(data, password)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.File, err)
	}
	return asResource(c.ID, parsed)
}

// asResource writes a certificate in PEM, its chain behind it.
func asResource(id string, c *expr.Certificate) (*apim.Certificate, error) {
	var text strings.Builder
	for _, one := range append([]*x509.Certificate{c.X509}, c.Chain...) {
		text.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.Raw}))
	}
	out := &apim.Certificate{ID: id, Thumbprint: c.Thumbprint(), CertificatePEM: text.String()}
	if c.Key == nil {
		return out, nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.Key)
	if err != nil {
		return nil, err
	}
	out.KeyPEM = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return out, nil
}
