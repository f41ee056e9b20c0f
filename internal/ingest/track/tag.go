package track

import (
	"net"
	"net/http"
	"strings"
)

// columnOf gives the column of a tag, in lower case, that is neither an id nor
// the name of a role; "" is a tag without one, which is kept under its name.
func columnOf(tag string) string {
	switch tag {
	case "ai.operation.name":
		return "operation_Name"
	case "ai.operation.syntheticsource":
		return "operation_SyntheticSource"
	case "ai.location.country":
		return "client_CountryOrRegion"
	case "ai.location.province":
		return "client_StateOrProvince"
	case "ai.location.city":
		return "client_City"
	case "ai.user.id":
		return "user_Id"
	case "ai.user.authuserid":
		return "user_AuthenticatedId"
	case "ai.user.accountid":
		return "user_AccountId"
	case "ai.session.id":
		return "session_Id"
	case "ai.application.ver":
		return "application_Version"
	case "ai.device.type":
		return "client_Type"
	case "ai.device.model":
		return "client_Model"
	case "ai.device.osversion", "ai.device.os":
		return "client_OS"
	case "ai.device.browserversion", "ai.device.browser":
		return "client_Browser"
	case "ai.internal.sdkversion":
		return "sdkVersion"
	}
	return ""
}

// maxTags of an item; Azure's schema has 27.
const maxTags = 64

// context reads the tags: ids and role for columns of their own, the rest by
// column name.
func (it *item) context() {
	it.tags = map[string]string{}
	known := map[string]string{}
	for name, value := range it.e.Tags {
		if value.s == "" || len(known) == maxTags {
			continue
		}
		known[strings.ToLower(name)] = value.s
	}
	take := func(name string, limit int) string {
		value := it.cut("tags."+name, known[name], limit)
		delete(known, name)
		return value
	}
	it.operation = take("ai.operation.id", it.o.Limits.ID)
	it.parent = spanID(take("ai.operation.parentid", it.o.Limits.ID))
	it.role = take("ai.cloud.role", it.o.Limits.Text)
	it.instance = take("ai.cloud.roleinstance", it.o.Limits.Text)
	it.address = it.senderAddress(take("ai.location.ip", 64))
	for name, value := range known {
		column := columnOf(name)
		if column == "" {
			column = it.cut("tags", name, it.o.Limits.Key)
		}
		if strings.HasSuffix(name, ".os") && known["ai.device.osversion"] != "" || strings.HasSuffix(name, ".browser") && known["ai.device.browserversion"] != "" {
			continue // the version names it too
		}
		it.tags[column] = it.cut("tags."+clipped(name), maskedURL(value), it.o.Limits.Text)
	}
	it.browser()
}

// senderAddress is where the item came from, when the receiver keeps that.
func (it *item) senderAddress(said string) string {
	if !it.o.KeepAddresses {
		return ""
	}
	if said == "" {
		said, _, _ = net.SplitHostPort(it.sender.RemoteAddr)
	}
	if net.ParseIP(said) == nil {
		return ""
	}
	return said
}

// browser fills in what a page's SDK leaves to the receiver.
func (it *item) browser() {
	agent := it.sender.Header.Get("User-Agent")
	if !fromPage(it.sender) {
		return
	}
	for column, value := range map[string]string{"client_Type": "Browser", "client_OS": systemOf(agent), "client_Browser": browserOf(agent)} {
		if it.tags[column] == "" && value != "" {
			it.tags[column] = value
		}
	}
}

// fromPage says whether a browser sent the items: only browsers send an origin.
func fromPage(req *http.Request) bool {
	return strings.HasPrefix(req.Header.Get("User-Agent"), "Mozilla/") && (req.Header.Get("Origin") != "" || req.Header.Get("Sec-Fetch-Mode") != "")
}

func systemOf(agent string) string {
	for _, s := range [...][2]string{{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iOS"}, {"iPad", "iOS"}, {"Mac OS X", "Mac OS X"}, {"CrOS", "Chrome OS"}, {"Linux", "Linux"}} {
		if strings.Contains(agent, s[0]) {
			return s[1]
		}
	}
	return ""
}

// browserOf names the browser and its main version. The order matters: most
// claim to be another one too.
func browserOf(agent string) string {
	for _, b := range [...][2]string{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"HeadlessChrome/", "Chrome"}, {"Chrome/", "Chrome"}, {"Version/", "Safari"}} {
		if _, after, found := strings.Cut(agent, b[0]); found {
			version, _, _ := strings.Cut(after, " ")
			version, _, _ = strings.Cut(version, ".")
			if _, ok := digits(version, 4); ok {
				return b[1] + " " + version
			}
			return b[1]
		}
	}
	return ""
}
