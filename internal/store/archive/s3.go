package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3Options of a bucket. Endpoint and Bucket must be set.
type S3Options struct {
	Endpoint  string // such as https://s3.eu-west-1.amazonaws.com
	Bucket    string
	Prefix    string // of all names
	Region    string // "": the bucket is asked
	AccessKey string // "": the environment, a file or the machine's identity, as AWS has them
	SecretKey string
	Transport http.RoundTripper // nil: the library's
}

type s3 struct {
	client         *minio.Client
	bucket, prefix string
}

// NewS3 makes a store of a bucket; it asks nobody yet.
func NewS3(o S3Options) (Store, error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("endpoint %.200q is no URL of a host, such as https://s3.eu-west-1.amazonaws.com", o.Endpoint)
	}
	from := credentials.NewStaticV4(o.AccessKey, o.SecretKey, "")
	if o.AccessKey == "" {
		from = credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{}})
	}
	client, err := minio.New(u.Host, &minio.Options{Creds: from, Secure: u.Scheme == "https", Region: o.Region, Transport: o.Transport, BucketLookup: minio.BucketLookupAuto})
	if err != nil {
		return nil, err
	}
	prefix := strings.Trim(o.Prefix, "/")
	if prefix != "" {
		prefix += "/"
	}
	return &s3{client, o.Bucket, prefix}, nil
}

func (s *s3) Put(ctx context.Context, name string, from io.Reader, size int64) error {
	_, err := s.client.PutObject(ctx, s.bucket, s.prefix+name, from, size, minio.PutObjectOptions{ContentType: "application/octet-stream"})
	return s.fault(err)
}

func (s *s3) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	o, err := s.client.GetObject(ctx, s.bucket, s.prefix+name, minio.GetObjectOptions{})
	if err == nil {
		_, err = o.Stat()
	}
	if err != nil {
		if o != nil {
			err = errors.Join(s.fault(err), o.Close())
		}
		return nil, err
	}
	return o, nil
}

func (s *s3) List(ctx context.Context, prefix string, each func(Object) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends what lists
	for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}) {
		if o.Err != nil {
			return s.fault(o.Err)
		}
		if err := each(Object{strings.TrimPrefix(o.Key, s.prefix), o.Size}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// fault words an answer without the address, which may be signed.
func (s *s3) fault(err error) error {
	answer := minio.ErrorResponse{}
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &answer):
		return err
	case answer.Code == minio.NoSuchKey:
		return fs.ErrNotExist
	}
	return fmt.Errorf("bucket %s: %s: %s", s.bucket, answer.Code, answer.Message)
}
