//! What the template deploys for customers' tenants, and what it takes for theirs to stay apart.

use std::collections::BTreeSet;

use defender_functions::operations::OPERATIONS;
use serde_json::{Value, json};

use crate::unrolled::{EVERYTHING, Template, group_and_role, logical_id, read_by_sam, routes};

#[test]
fn nothing_for_tenants_is_there_by_default() {
    let conditions = &read_by_sam(&[])["conditions"];
    for name in ["tenants", "registry", "results", "isolated"] {
        assert_eq!(conditions[name], false, "{name}");
    }
    let template = Template::unrolled();
    let names = [
        "Tenants", "Consent", "Onboard", "Complet", "Listing", "Removing", "ForEach",
    ];
    let resources = template.0["Resources"].as_object().expect("resources");
    for (id, resource) in resources {
        if names.iter().any(|name| id.starts_with(name)) {
            assert_eq!(resource["Condition"], "tenants", "{id}");
        }
    }
}

#[test]
fn exactly_one_route_is_open_and_it_is_throttled() {
    let template = Template::with(&[
        ("JwtIssuer", "https://issuer.example"),
        ("JwtAudience", "defender"),
    ]);
    let routes = template.of_type("AWS::ApiGatewayV2::Route");
    let open = routes.filter(|(_, route)| {
        let kind = route["Properties"]["AuthorizationType"].as_str();
        !["AWS_IAM", "JWT"].contains(&kind.unwrap_or_default())
    });
    let [(id, route)] = open.collect::<Vec<_>>()[..] else {
        panic!("another number of routes is open")
    };
    assert_eq!(route["Properties"]["AuthorizationType"], "NONE");
    let key = route["Properties"]["RouteKey"].as_str().expect("a key");
    assert_eq!(key, "GET /consent");
    let stage = &template.0["Resources"]["TenantsApiStage"];
    assert_eq!(
        stage["DependsOn"], id,
        "it takes settings of routes that exist"
    );
    let settings = json!({ key: { "ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 10 } });
    assert_eq!(stage["Properties"]["RouteSettings"], settings);
    let variables = template.environment("CompleteConsent");
    let redirect = "${TenantsApi.ApiEndpoint}/consent";
    assert_eq!(variables["CONSENT_REDIRECT_URI"], redirect);
    assert_eq!(
        template.environment("OnboardTenant")["CONSENT_REDIRECT_URI"],
        redirect
    );
}

#[test]
fn who_calls_the_other_operations_looks_after_no_tenants() {
    let template = Template::unrolled();
    let policy = template.properties("TenantsPolicy")["PolicyDocument"].to_string();
    assert!(policy.contains("${TenantsApi}/*"), "{policy}");
    for other in ["CallerPolicy", "ResponderPolicy"] {
        let statements = &template.properties(other)["PolicyDocument"]["Statement"];
        let groups = &statements[0]["Condition"]["StringEquals"]["aws:ResourceTag/group"];
        assert!(!groups.to_string().contains("tenants"), "{other}");
        assert!(!statements.to_string().contains("TenantsApi"), "{other}");
    }
}

#[test]
fn the_registry_is_encrypted_and_outlives_the_stack() {
    let template = Template::unrolled();
    let table = &template.0["Resources"]["TenantsTable"];
    assert_eq!(table["DeletionPolicy"], "RetainExceptOnCreate");
    assert_eq!(table["UpdateReplacePolicy"], "Retain");
    let table = &table["Properties"];
    let key = json!([{ "AttributeName": "pk", "KeyType": "HASH" }]);
    assert_eq!(table["KeySchema"], key);
    assert_eq!(table["SSESpecification"]["SSEEnabled"], true);
    let expiry = json!({ "AttributeName": "expires", "Enabled": true });
    assert_eq!(table["TimeToLiveSpecification"], expiry);
    let recovery = &table["PointInTimeRecoverySpecification"];
    assert_eq!(recovery["PointInTimeRecoveryEnabled"], true);
    let key = template.properties("ConsentKey");
    assert_eq!(key["KeySpec"], "HMAC_256");
    assert_eq!(key["KeyUsage"], "GENERATE_VERIFY_MAC");
}

#[test]
fn large_answers_are_kept_private_and_for_a_while() {
    let template = Template::with(&[("ResultsRetentionDays", "3")]);
    let bucket = template.properties("ResultsBucket");
    let closed = bucket["PublicAccessBlockConfiguration"].as_object();
    let closed = closed.expect("it is closed");
    assert!(closed.len() == 4 && closed.values().all(|closed| closed == true));
    assert!(bucket["BucketEncryption"].to_string().contains("AES256"));
    let rule = &bucket["LifecycleConfiguration"]["Rules"][0];
    assert_eq!(rule["Status"], "Enabled");
    assert_eq!(rule["ExpirationInDays"], "3");
    let policy = &template.properties("ResultsBucketPolicy")["PolicyDocument"]["Statement"][0];
    assert_eq!(policy["Effect"], "Deny");
    assert_eq!(policy["Condition"]["Bool"]["aws:SecureTransport"], "false");
    let conditions = &read_by_sam(&[("Results", "deploy")])["conditions"];
    assert_eq!(
        (&conditions["results"], &conditions["tenants"]),
        (&json!(true), &json!(false))
    );
}

#[test]
fn with_a_registry_every_function_looks_tenants_up_in_it() {
    let registry = Template::with(&[("AllowedTenants", "registry")]);
    let listed = Template::with(&[("AllowedTenants", "millpond.example,alder.example")]);
    for operation in OPERATIONS {
        let (group, role) = group_and_role(operation);
        let id = logical_id(operation);
        let variables = registry.environment(&id);
        assert_eq!(variables["ALLOWED_TENANTS"], "registry", "{id}");
        assert_eq!(variables["TENANTS_TABLE"]["Ref"], "TenantsTable", "{id}");
        let looks_up = registry.allowed(role).iter().any(|(action, table)| {
            action == "dynamodb:GetItem" && table["Fn::GetAtt"][0] == "TenantsTable"
        });
        assert_eq!(
            looks_up,
            group != "tenants" || role == "ListingRole",
            "{role}"
        );
        let variables = listed.environment(&id);
        let named = &variables["ALLOWED_TENANTS"];
        assert_eq!(*named, "millpond.example,alder.example", "{id}");
    }
    // The doctor of the app that responds keeps what it finds to itself.
    let variables = registry.environment("CheckResponseToken");
    assert_eq!(
        (&variables["TENANTS_TABLE"], &variables["ALLOWED_TENANTS"]),
        (&json!(""), &json!(""))
    );
    let template = &read_by_sam(&[])["loops"];
    let rule = &template["Rules"]["RegistryIsThere"]["Assertions"][0]["Assert"];
    assert_eq!(
        *rule,
        json!({ "Fn::Equals": [{ "Ref": "Tenants" }, "deploy"] })
    );
}

/// Lambda takes 4 KB of variables, names and values together.
#[test]
fn what_is_judged_is_what_is_deployed() {
    let all = Template::unrolled();
    let in_groups = |groups: &[&str]| -> BTreeSet<&str> {
        let asks = OPERATIONS.iter().filter(|one| !one.permissions.is_none());
        let of = asks.filter(|one| groups.contains(&group_and_role(one).0));
        of.map(|one| one.name).collect()
    };
    let judged = |template: &Template, function: &str| -> Vec<String> {
        let variables = template.environment(function);
        let list = variables["DEPLOYED_OPERATIONS"].as_str().expect("a list");
        // A group that is not deployed leaves a gap.
        let named = list.split(',').filter(|name| !name.is_empty());
        named.map(str::to_owned).collect()
    };
    let own = [
        "reading",
        "hunting",
        "changing",
        "endpointReading",
        "endpointChanging",
        "collecting",
    ];
    for (function, groups) in [
        ("CheckToken", &own[..]),
        ("CompleteConsent", &own),
        ("CheckResponseToken", &["responding"]),
    ] {
        let judged = judged(&all, function);
        let distinct: BTreeSet<&str> = judged.iter().map(String::as_str).collect();
        assert_eq!(distinct, in_groups(groups), "{function}");
        assert_eq!(distinct.len(), judged.len(), "{function}");
        let variables = all.environment(function);
        let length = |value: &Value| value.as_str().map_or(200, str::len);
        let bytes = variables
            .iter()
            .map(|(name, value)| name.len() + length(value));
        assert!(bytes.sum::<usize>() < 3584, "{function}: {variables:?}");
    }
    for choice in ["reading", "hunting,changing"] {
        let parameters = [
            ("Groups", choice),
            ("Endpoint", "none"),
            ("Tenants", "deploy"),
        ];
        let template = Template(read_by_sam(&parameters)["unrolled"].clone());
        let groups: Vec<&str> = choice.split(',').collect();
        let judged = judged(&template, "CompleteConsent");
        let judged: BTreeSet<&str> = judged.iter().map(String::as_str).collect();
        assert_eq!(judged, in_groups(&groups), "{choice}");
    }
}

#[test]
fn what_reads_keeps_tenants_in_processes_of_their_own_if_asked_to() {
    let isolated = [EVERYTHING, &[("TenantIsolation", "per-tenant")]].concat();
    let conditions = &read_by_sam(&isolated)["conditions"];
    let (apart, together) = (
        Template::with(&[("TenantIsolation", "per-tenant")]),
        Template::unrolled(),
    );
    for operation in OPERATIONS {
        let (group, _) = group_and_role(operation);
        let id = logical_id(operation);
        let reads = ["reading", "hunting", "endpointReading"].contains(&group);
        // A schedule cannot name a tenant to Lambda, so that nothing collects then.
        let is_there = !reads && group != "collecting";
        let mode = &apart.properties(&id)["TenancyConfig"]["TenantIsolationMode"];
        assert_eq!(*mode == "PER_TENANT", reads, "{id}");
        let mode = &together.properties(&id)["TenancyConfig"];
        assert!(mode.is_null() || mode["Ref"] == "AWS::NoValue", "{id}");
        // An HTTP API cannot invoke such a function, nor can a rule of EventBridge.
        assert_eq!(conditions[routes(group)], is_there, "{id}");
    }
    assert_eq!(conditions["workflows"], false, "hunt-and-isolate hunts");
    for part in ["ListIncidentsSchedule", "ListIncidentsSchedulePermission"] {
        assert_eq!(apart.0["Resources"][part]["Condition"], "readingRoutes");
    }
}
