//! A certificate as the credential: the assertion that its key signs, and what is said of one that cannot be used.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use local::runtime_api::{Function, Outcome};
use serde_json::{Value, json};
use simulator::{Certificate, Simulator};

use crate::{TemporaryFile, builder, problem, tenant_id, token_requests, variable};

const TENANT: &str = "harbourline.example";

fn with_certificate(simulator: &Simulator, file: &TemporaryFile) -> Function {
    builder(simulator, "list_incidents")
        .env_remove("AZURE_CLIENT_SECRET")
        .env("AZURE_CLIENT_CERTIFICATE_PATH", file.path())
        .start()
        .unwrap()
}

/// The parts of a JSON web token that can be read.
fn read(token: &str) -> (Value, Value) {
    let part = |text: &str| {
        let json = BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
        serde_json::from_slice(&json).unwrap()
    };
    let mut parts = token.split('.');
    (part(parts.next().unwrap()), part(parts.next().unwrap()))
}

fn assertion(form: &[(String, String)]) -> &str {
    let (_, value) = form
        .iter()
        .find(|(name, _)| name == "client_assertion")
        .expect("the request has an assertion");
    value
}

#[tokio::test]
async fn the_assertion_is_the_documented_one() {
    let simulator = Simulator::start();
    let file = TemporaryFile::with(&Certificate::registered().pem());
    let function = with_certificate(&simulator, &file);
    function.invoke("{}").await.json();
    let requests = token_requests(&simulator);
    let form = requests[0].form();
    let names: Vec<_> = form.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "grant_type",
            "client_id",
            "client_assertion_type",
            "client_assertion",
            "scope"
        ]
    );
    assert_eq!(
        form[2].1,
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    let (header, claims) = read(assertion(&form));
    assert_eq!(
        header,
        json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": Certificate::registered().thumbprint() })
    );
    let client_id = variable(&simulator, "AZURE_CLIENT_ID");
    let endpoint = format!(
        "{}/{}/oauth2/v2.0/token",
        simulator.origin(),
        tenant_id(&simulator)
    );
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["aud"]),
        (&json!(client_id), &json!(client_id), &json!(endpoint))
    );
    let second = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(second("nbf"), second("iat"));
    assert_eq!(second("exp") - second("iat"), 600);
    assert!(defender_functions::config::is_guid(
        claims["jti"].as_str().unwrap()
    ));
}

#[tokio::test]
async fn every_request_has_an_assertion_of_its_own_for_its_tenant() {
    let simulator = Simulator::start();
    let file = TemporaryFile::with(&Certificate::registered().pem());
    let function = builder(&simulator, "list_incidents")
        .env_remove("AZURE_CLIENT_SECRET")
        .env("AZURE_CLIENT_CERTIFICATE_PATH", file.path())
        .env("ALLOWED_TENANTS", "kitsune-foods.example")
        .start()
        .unwrap();
    function.invoke("{}").await.json();
    let other = r#"{"tenantId": "kitsune-foods.example"}"#;
    function.invoke(other).await.json();
    let claims: Vec<_> = token_requests(&simulator)
        .iter()
        .map(|request| read(assertion(&request.form())).1)
        .collect();
    let audience = format!(
        "{}/kitsune-foods.example/oauth2/v2.0/token",
        simulator.origin()
    );
    assert_eq!(claims[1]["aud"], json!(audience));
    assert_ne!(claims[0]["jti"], claims[1]["jti"]);
}

#[tokio::test]
async fn the_older_endpoint_is_named_in_the_assertion_that_goes_there() {
    let simulator = Simulator::start();
    let file = TemporaryFile::with(&Certificate::registered().pem());
    let function = builder(&simulator, "list_incidents")
        .env_remove("AZURE_CLIENT_SECRET")
        .env("AZURE_CLIENT_CERTIFICATE_PATH", file.path())
        .env("AZURE_TOKEN_VERSION", "v1")
        .start()
        .unwrap();
    function.invoke("{}").await.json();
    let (_, claims) = read(assertion(&token_requests(&simulator)[0].form()));
    let audience = claims["aud"].as_str().unwrap();
    assert!(audience.ends_with("/oauth2/token"), "{audience}");
}

#[tokio::test]
async fn a_pair_that_cannot_be_used_keeps_the_function_from_starting() {
    let simulator = Simulator::start();
    let good = Certificate::registered();
    let mismatched = Certificate {
        key_pem: Certificate::other().key_pem,
        ..good.clone()
    };
    let curve = &ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
    let random = ring::rand::SystemRandom::new();
    let elliptic = ring::signature::EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap();
    let elliptic = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        BASE64_STANDARD.encode(elliptic)
    );
    for (pem, problem) in [
        (good.reissued(-30, -1).pem(), "has expired"),
        (good.reissued(1, 30).pem(), "is not valid yet"),
        (mismatched.pem(), "do not belong together"),
        (good.certificate_pem.clone(), "no private key"),
        (good.key_pem.clone(), "no certificate"),
        (
            format!("{elliptic}{}", good.certificate_pem),
            "not RSA of 2048 bits",
        ),
        ("no PEM at all".to_owned(), "no private key"),
    ] {
        let file = TemporaryFile::with(&pem);
        let outcome = with_certificate(&simulator, &file).invoke("{}").await;
        let Outcome::InitError {
            error_type,
            message,
        } = outcome
        else {
            panic!("{problem}: {outcome:?}")
        };
        assert_eq!(error_type, "Misconfigured");
        assert!(
            message.contains("AZURE_CLIENT_CERTIFICATE_PATH") && message.contains(problem),
            "{problem}: {message}"
        );
        assert!(!message.contains("BEGIN"), "{message}");
    }
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "list_incidents")
        .env_remove("AZURE_CLIENT_SECRET")
        .env("AZURE_CLIENT_CERTIFICATE_PATH", "/nowhere/app.pem")
        .start()
        .unwrap();
    let Outcome::InitError { message, .. } = function.invoke("{}").await else {
        panic!("it started")
    };
    assert!(
        message.contains("AZURE_CLIENT_CERTIFICATE_PATH names cannot be read"),
        "{message}"
    );
}

#[tokio::test]
async fn the_certificates_of_issuers_may_be_there_too() {
    let simulator = Simulator::start();
    let good = Certificate::registered();
    let chain = [
        Certificate::other().certificate_pem,
        good.key_pem.clone(),
        good.certificate_pem.clone(),
    ];
    let file = TemporaryFile::with(&chain.concat());
    let function = with_certificate(&simulator, &file);
    function.invoke("{}").await.json();
}

#[tokio::test]
async fn of_two_certificates_for_the_key_the_valid_one_is_used() {
    let simulator = Simulator::start();
    let good = Certificate::registered();
    let expired = good.reissued(-30, -1).certificate_pem;
    for certificates in [
        [&expired, &good.certificate_pem],
        [&good.certificate_pem, &expired],
    ] {
        let [one, other] = certificates;
        let file = TemporaryFile::with(&format!("{}{one}{other}", good.key_pem));
        with_certificate(&simulator, &file)
            .invoke("{}")
            .await
            .json();
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_registered_is_refused_once() {
    let simulator = Simulator::start();
    let file = TemporaryFile::with(&Certificate::other().pem());
    let problem = problem(&with_certificate(&simulator, &file).invoke("{}").await);
    assert_eq!(problem["code"], json!("CredentialRejected"));
    assert_eq!(problem["upstream"]["code"], json!("AADSTS700027"));
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("not registered on the app"),
        "{problem}"
    );
    assert_eq!(token_requests(&simulator).len(), 1);
}

#[tokio::test]
async fn a_certificate_that_was_replaced_in_its_file_fails_no_invocation() {
    let simulator = Simulator::start();
    let (old, new) = (Certificate::registered(), Certificate::other());
    let file = TemporaryFile::with(&old.pem());
    let function = with_certificate(&simulator, &file);
    function.invoke("{}").await.json();
    file.write(&new.pem());
    let client_id = variable(&simulator, "AZURE_CLIENT_ID");
    simulator.edit(TENANT, |tenant| {
        tenant.app(&client_id).unwrap().certificates = vec![new.certificate_pem.clone()];
        tenant.revoke_tokens();
    });
    function.invoke("{}").await.json();
    let signers: Vec<_> = token_requests(&simulator)
        .iter()
        .map(|request| read(assertion(&request.form())).0["x5t#S256"].clone())
        .collect();
    assert_eq!(
        signers,
        [old.thumbprint(), old.thumbprint(), new.thumbprint()].map(Value::from)
    );
}

#[tokio::test]
async fn an_assertion_outside_its_time_is_made_anew_once() {
    let simulator = Simulator::start();
    simulator.edit(TENANT, |tenant| tenant.assertion_clock_ahead_seconds = 3600);
    let file = TemporaryFile::with(&Certificate::registered().pem());
    let problem = problem(&with_certificate(&simulator, &file).invoke("{}").await);
    assert_eq!(problem["code"], json!("CredentialRejected"));
    assert_eq!(problem["upstream"]["code"], json!("AADSTS700024"));
    assert!(
        problem["detail"].as_str().unwrap().contains("clock"),
        "{problem}"
    );
    let requests = token_requests(&simulator);
    assert_eq!(requests.len(), 2);
    assert_ne!(
        assertion(&requests[0].form()),
        assertion(&requests[1].form())
    );
}

#[tokio::test]
async fn neither_key_nor_assertion_is_ever_logged() {
    let simulator = Simulator::start();
    let file = TemporaryFile::with(&Certificate::registered().pem());
    let function = builder(&simulator, "list_incidents")
        .env_remove("AZURE_CLIENT_SECRET")
        .env("AZURE_CLIENT_CERTIFICATE_PATH", file.path())
        .env("AWS_LAMBDA_LOG_LEVEL", "TRACE")
        .start()
        .unwrap();
    function.invoke("{}").await.json();
    let logs = function.logs();
    assert!(logs.contains("sent a request"), "{logs}");
    let form = token_requests(&simulator)[0].form();
    let signature = assertion(&form).rsplit('.').next().unwrap().to_owned();
    assert!(!logs.contains(&signature) && !logs.contains("PRIVATE KEY"));
}
