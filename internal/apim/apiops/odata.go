package apiops

import "gatehouse/internal/apim"

// typeOData of API information files.
const typeOData = "odata"

// odataMetadata is the schema that holds the metadata of an OData API.
const odataMetadata = "metadata"

// odata completes an OData API, which is HTTP with a metadata document: any
// resource can be asked for with any of its verbs unless operations say which.
func (l *loader) odata(a *apim.API, folder string) {
	for _, extension := range []string{"edmx", "xml", "csdl"} {
		data, file, ok := l.read(folder + "specification." + extension)
		if !ok {
			continue
		}
		if len(data) > maxSchema {
			l.warn("apis/"+a.ID, "%s is larger than %d MB: requests are not checked against it", file, maxSchema>>20)
			continue
		}
		a.Schemas = append(a.Schemas, &apim.Schema{ID: odataMetadata, ContentType: "application/xml", Document: trimBOM(data)})
		break
	}
	if len(a.Operations) > 0 {
		return
	}
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		a.Operations = append(a.Operations, &apim.Operation{ID: fold(method), Name: method, Method: method, URLTemplate: "/*"})
	}
}
