package table

import "strings"

// definitions are all tables, with the columns of the public reference of
// Azure Monitor in the order in which Azure shows them.
func definitions() []definition {
	measured := columns("customDimensions:Properties:dynamic customMeasurements:Measurements:dynamic")
	plain := columns("customDimensions:Properties:dynamic")
	counted := columns("itemCount:ItemCount:int")
	none := columns("")
	return []definition{
		{"requests", "AppRequests", "request",
			join(columns(`timestamp:TimeGenerated:datetime id:Id:string source:Source:string name:Name:string url:Url:string
				success:Success:bool resultCode:ResultCode:string duration:DurationMs:real performanceBucket:PerformanceBucket:string
				itemType:Type:string`), measured, context(counted), referenced()), requests()},
		{"dependencies", "AppDependencies", "dependency",
			join(columns(`timestamp:TimeGenerated:datetime id:Id:string target:Target:string type:DependencyType:string name:Name:string data:Data:string
				success:Success:bool resultCode:ResultCode:string duration:DurationMs:real performanceBucket:PerformanceBucket:string
				itemType:Type:string`), measured, context(counted), referenced()), dependencies()},
		{"exceptions", "AppExceptions", "exception",
			join(columns(`timestamp:TimeGenerated:datetime problemId:ProblemId:string handledAt:HandledAt:string type:ExceptionType:string
				message:Message:string assembly:Assembly:string method:Method:string
				outerType:OuterType:string outerMessage:OuterMessage:string outerAssembly:OuterAssembly:string outerMethod:OuterMethod:string
				innermostType:InnermostType:string innermostMessage:InnermostMessage:string innermostAssembly:InnermostAssembly:string innermostMethod:InnermostMethod:string
				severityLevel:SeverityLevel:int details:Details:dynamic itemType:Type:string`), measured, context(counted)), exceptions()},
		{"traces", "AppTraces", "trace",
			join(columns("timestamp:TimeGenerated:datetime message:Message:string severityLevel:SeverityLevel:int itemType:Type:string"),
				measured, context(counted), referenced()), traces()},
		{"customEvents", "AppEvents", "customEvent",
			join(columns("timestamp:TimeGenerated:datetime name:Name:string itemType:Type:string"), measured, context(counted)), customEvents()},
		{"customMetrics", "AppMetrics", "customMetric",
			join(columns(`timestamp:TimeGenerated:datetime name:Name:string value::real valueCount:ItemCount:int valueSum:Sum:real valueMin:Min:real valueMax:Max:real
				valueStdDev::real metricNamespace:MetricNamespace:string itemType:Type:string`), plain, context(none)), customMetrics()},
		{"pageViews", "AppPageViews", "pageView",
			join(columns(`timestamp:TimeGenerated:datetime id:Id:string name:Name:string url:Url:string duration:DurationMs:real performanceBucket:PerformanceBucket:string
				itemType:Type:string`), measured, context(counted), referenced()), pageViews()},
		{"browserTimings", "AppBrowserTimings", "browserTiming",
			join(columns(`timestamp:TimeGenerated:datetime name:Name:string url:Url:string networkDuration:NetworkDurationMs:real sendDuration:SendDurationMs:real
				receiveDuration:ReceiveDurationMs:real processingDuration:ProcessingDurationMs:real totalDuration:TotalDurationMs:real
				performanceBucket:PerformanceBucket:string itemType:Type:string`), measured, context(counted)), browserTimings()},
		{"availabilityResults", "AppAvailabilityResults", "availabilityResult",
			join(columns(`timestamp:TimeGenerated:datetime id:Id:string name:Name:string location:Location:string success:Success:bool message:Message:string size:Size:real
				duration:DurationMs:real performanceBucket:PerformanceBucket:string itemType:Type:string`), measured, context(counted)), availabilityResults()},
		{"performanceCounters", "AppPerformanceCounters", "performanceCounter",
			join(columns(`timestamp:TimeGenerated:datetime name:Name:string category:Category:string counter:Counter:string instance:Instance:string value:Value:real
				itemType:Type:string`), plain, context(none)), performanceCounters()},
		{"systemEvents", "AppSystemEvents", "systemEvent",
			join(columns("timestamp:TimeGenerated:datetime name:Name:string eventType:EventType:string itemType:Type:string"), measured, context(none)), systemEvents()},
	}
}

// context are the columns that all tables share: what the item belongs to and
// who sent it.
func context(counted []column) []column {
	return join(columns(`operation_Name:OperationName:string operation_Id:OperationId:string operation_ParentId:ParentId:string
		operation_SyntheticSource:SyntheticSource:string session_Id:SessionId:string user_Id:UserId:string
		user_AuthenticatedId:UserAuthenticatedId:string user_AccountId:UserAccountId:string application_Version:AppVersion:string
		client_Type:ClientType:string client_Model:ClientModel:string client_OS:ClientOS:string client_IP:ClientIP:string
		client_City:ClientCity:string client_StateOrProvince:ClientStateOrProvince:string client_CountryOrRegion:ClientCountryOrRegion:string
		client_Browser:ClientBrowser:string cloud_RoleName:AppRoleName:string cloud_RoleInstance:AppRoleInstance:string
		appId:ResourceGUID:string appName::string iKey:IKey:string sdkVersion:SDKVersion:string itemId:_ItemId:string`), counted,
		columns(`_ResourceId:_ResourceId:string :_SubscriptionId:string :TenantId:string :SourceSystem:string
		_BilledSize:_BilledSize:real _IsBillable:_IsBillable:string`))
}

// referenced are columns of the workspace tables that Azure leaves empty.
func referenced() []column {
	return columns(":ReferencedItemId:string :ReferencedType:string")
}

// columns reads classic:workspace:type, divided by white space.
func columns(text string) []column {
	var out []column
	for _, word := range strings.Fields(text) {
		part := strings.Split(word, ":")
		out = append(out, column{part[0], part[1], typeNamed(part[2])})
	}
	return out
}

func typeNamed(name string) Type {
	for t := Bool; t <= Dynamic; t++ {
		if t.String() == name {
			return t
		}
	}
	return Unknown
}

func join(lists ...[]column) []column {
	var out []column
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}
