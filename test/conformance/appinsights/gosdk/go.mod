module gosdk

go 1.26.0

require github.com/microsoft/ApplicationInsights-Go v0.4.4

require (
	code.cloudfoundry.org/clock v0.0.0-20180518195852-02e53af36e6c // indirect
	github.com/gofrs/uuid v3.3.0+incompatible // indirect
)
