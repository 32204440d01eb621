//! What the template deploys for each way in which the functions can prove to Entra who they are.

use std::collections::BTreeSet;

use defender_functions::operations::OPERATIONS;
use serde_json::json;

use crate::unrolled::{
    Parameters, Template, everything, group_and_role, list, logical_id, read_by_sam,
};

const CERTIFICATE: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:certificate-aBcDeF";
const RESPONDERS: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:responder-aBcDeF";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555";
const WITH_CERTIFICATES: Parameters = &[
    ("Credential", "certificate"),
    ("ClientCertificateArn", CERTIFICATE),
    ("ResponseClientCertificateArn", RESPONDERS),
];

/// The roles of the functions that get tokens.
fn federated() -> BTreeSet<(&'static str, &'static str)> {
    let roles = OPERATIONS.iter().map(group_and_role);
    let without = [
        "OnboardingRole",
        "ListingRole",
        "RemovingRole",
        "WatchingRole",
    ];
    roles.filter(|(_, role)| !without.contains(role)).collect()
}

#[test]
fn with_aws_each_role_may_ask_for_short_tokens_for_entra_and_reads_no_secret() {
    for (cloud, audience) in [
        ("global", "api://AzureADTokenExchange"),
        ("gcc", "api://AzureADTokenExchange"),
        ("gcc-high", "api://AzureADTokenExchangeUSGov"),
        ("dod", "api://AzureADTokenExchangeUSGov"),
    ] {
        let template = Template::with(&[
            ("Credential", "aws"),
            ("Cloud", cloud),
            ("ClientSecretKeyArn", KEY),
            ("ResponseClientSecretKeyArn", KEY),
        ]);
        for (_, role) in federated() {
            let actions = template.allowed(role);
            let reads = |(action, _): &(String, _)| {
                action.starts_with("secretsmanager:") || action == "kms:Decrypt"
            };
            assert!(!actions.iter().any(reads), "{role}: {actions:?}");
            let statements = template.statements(role);
            let federates = |statement: &&&serde_json::Value| {
                list(&statement["Action"]).contains(&&json!("sts:GetWebIdentityToken"))
            };
            let [statement] = statements.iter().filter(federates).collect::<Vec<_>>()[..] else {
                panic!("{role} has another number of them: {statements:?}")
            };
            let expected = json!({
                "Effect": "Allow",
                "Action": "sts:GetWebIdentityToken",
                "Resource": "*",
                "Condition": {
                    "ForAllValues:StringEquals": { "sts:IdentityTokenAudience": audience },
                    "Null": { "sts:IdentityTokenAudience": "false" },
                    "StringEquals": { "sts:SigningAlgorithm": "RS256" },
                    "NumericLessThanEquals": { "sts:DurationSeconds": 300 },
                },
            });
            assert_eq!(**statement, expected, "{role}");
        }
        for operation in OPERATIONS {
            let variables = template.environment(&logical_id(operation));
            assert_eq!(variables["AZURE_CREDENTIAL"], "aws", "{operation:?}");
            for stored in [
                "AZURE_CLIENT_SECRET_ID",
                "AZURE_CLIENT_CERTIFICATE_SECRET_ID",
            ] {
                assert_eq!(variables.get(stored), None, "{operation:?}");
            }
        }
    }
}

#[test]
fn nothing_asks_aws_for_tokens_that_has_a_secret_or_a_certificate() {
    for parameters in [&[][..], WITH_CERTIFICATES] {
        let template = Template::with(parameters);
        let asks = template
            .0
            .to_string()
            .contains("\"sts:GetWebIdentityToken\"");
        assert!(!asks, "{parameters:?}");
    }
}

#[test]
fn with_a_certificate_each_app_reads_its_own_and_no_secret() {
    let parameters = [
        WITH_CERTIFICATES,
        &[
            ("ClientSecretKeyArn", KEY),
            ("ResponseClientSecretKeyArn", KEY),
        ],
    ];
    let template = Template::with(&parameters.concat());
    for (group, role) in federated() {
        let own = match group {
            "responding" => RESPONDERS,
            _ => CERTIFICATE,
        };
        let allowed = template.allowed(role);
        let of = |action: &str| -> Vec<_> {
            let of = allowed.iter().filter(|(allowed, _)| allowed == action);
            of.map(|(_, resource)| resource.clone()).collect()
        };
        assert_eq!(of("secretsmanager:GetSecretValue"), [json!(own)], "{role}");
        assert_eq!(of("kms:Decrypt"), [json!(KEY)], "{role}");
    }
    for operation in OPERATIONS {
        let (group, _) = group_and_role(operation);
        let own = match group {
            "responding" => RESPONDERS,
            _ => CERTIFICATE,
        };
        let variables = template.environment(&logical_id(operation));
        let named = &variables["AZURE_CLIENT_CERTIFICATE_SECRET_ID"];
        assert_eq!(*named, own, "{operation:?}");
        assert_eq!(variables["AZURE_CREDENTIAL"], "certificate");
    }
}

#[test]
fn the_second_app_takes_the_same_kind_of_credential() {
    let holds = |parameters: Parameters| {
        let app = ("ResponseClientId", everything("ResponseClientId"));
        let parameters = [&[app], parameters].concat();
        read_by_sam(&parameters)["conditions"]["responding"].clone()
    };
    let secret = ("ResponseClientSecretArn", RESPONDERS);
    let certificate = ("ResponseClientCertificateArn", RESPONDERS);
    for (parameters, responds) in [
        (&[secret][..], true),
        (&[certificate], false),
        (&[("Credential", "certificate"), certificate], true),
        (&[("Credential", "certificate"), secret], false),
        (&[("Credential", "aws")], true),
    ] {
        assert_eq!(holds(parameters), responds, "{parameters:?}");
    }
}

/// The subject of a federated credential is a role's ARN, so that whoever sets it up has to learn each one.
#[test]
fn the_role_of_each_function_that_gets_tokens_is_told() {
    let template = Template::unrolled();
    for (group, role) in federated() {
        let output = &template.0["Outputs"][role];
        assert_eq!(output["Value"]["Fn::GetAtt"], json!([role, "Arn"]));
        assert_eq!(output["Condition"], group, "{role}");
    }
}

#[test]
fn a_region_moves_the_host_of_the_defender_apis() {
    let endpoint = |parameters: Parameters| {
        let template = Template::with(parameters);
        template
            .environment("ListDevices")
            .get("DEFENDER_ENDPOINT")
            .cloned()
    };
    assert_eq!(endpoint(&[]), None);
    let eu = json!("https://eu.api.security.microsoft.com");
    assert_eq!(endpoint(&[("Region", "eu")]), Some(eu));
    let template = &read_by_sam(&[])["loops"];
    let rule = &template["Rules"]["RegionsAreOfTheGlobalCloud"]["Assertions"][0]["Assert"];
    assert_eq!(
        *rule,
        json!({ "Fn::Equals": [{ "Ref": "Cloud" }, "global"] })
    );
}
