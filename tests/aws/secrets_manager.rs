//! The client secret in Secrets Manager: moto keeps it, the real `bootstrap` reads it.

use local::runtime_api::{Function, Outcome};
use serde_json::{Value, json};
use simulator::{Certificate, Secret, Simulator};

use crate::moto::Moto;

/// moto's server with one secret, and a tenant whose app has that secret.
struct Vault {
    moto: Moto,
    simulator: Simulator,
    arn: String,
}

const NAME: &str = "defender/client-secret";

impl Vault {
    /// `stored` makes what the vault holds of the app's client secret.
    fn with(stored: impl FnOnce(&str) -> String) -> Self {
        let moto = Moto::start();
        let simulator = Simulator::start();
        let secret = environment(&simulator, "AZURE_CLIENT_SECRET");
        let mut vault = Self {
            moto,
            simulator,
            arn: String::new(),
        };
        let arn = vault.ask(
            "create_secret",
            &json!({ "name": NAME, "value": stored(&secret) }),
        );
        vault.arn = arn.as_str().expect("an ARN is a string").to_owned();
        vault.ask("record", &json!({ "action": "start-recording" }));
        vault
    }

    fn ask(&self, what: &str, arguments: &Value) -> Value {
        self.moto.ask(what, arguments)
    }

    /// `list_incidents`, looking for the client secret under `id`.
    fn function(&self, id: &str) -> Function {
        self.function_with("AZURE_CLIENT_SECRET_ID", id)
    }

    fn function_with(&self, variable: &str, id: &str) -> Function {
        let others = self
            .simulator
            .environment()
            .into_iter()
            .filter(|(name, _)| name != "AZURE_CLIENT_SECRET");
        Function::builder(env!("CARGO_BIN_EXE_bootstrap"), "list_incidents")
            .envs(others)
            .env(variable, id)
            .envs(self.moto.environment("SECRETS_MANAGER"))
            .start()
            .expect("bootstrap starts")
    }

    /// What `list_incidents` comes to; once it works, the second time.
    fn list_incidents(&self, id: &str) -> Outcome {
        let function = self.function(id);
        let first = invoke(&function);
        // The second is served from what the first has learnt.
        if matches!(first, Outcome::Answer(_)) {
            invoke(&function)
        } else {
            first
        }
    }

    /// From now on Entra takes no secret of the app but these, and no token from before.
    fn accept_only(&self, secrets: &[&str]) {
        let client_id = environment(&self.simulator, "AZURE_CLIENT_ID");
        let secrets: Vec<_> = secrets
            .iter()
            .map(|value| Secret {
                value: (*value).to_owned(),
                expires: None,
            })
            .collect();
        self.simulator.edit("harbourline.example", |tenant| {
            tenant.app(&client_id).expect("the app is there").secrets = secrets;
            tenant.revoke_tokens();
        });
    }

    fn store(&self, value: &str) {
        self.ask("store_secret", &json!({ "name": NAME, "value": value }));
    }

    /// How often the secret was read.
    fn reads(&self) -> usize {
        let requests = self.requests().into_iter();
        requests
            .filter(|request| request.to_string().contains("GetSecretValue"))
            .count()
    }

    /// The requests that Secrets Manager was sent.
    fn requests(&self) -> Vec<Value> {
        let recorded = self.ask("record", &json!({ "action": "download-recording" }));
        let lines = recorded
            .as_str()
            .expect("a recording is text")
            .lines()
            .filter(|line| !line.trim().is_empty());
        lines
            .map(|line| serde_json::from_str(line).expect("a recorded request is JSON"))
            .collect()
    }
}

fn invoke(function: &Function) -> Outcome {
    let wait = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    wait.block_on(function.invoke("{}"))
}

fn environment(simulator: &Simulator, name: &str) -> String {
    let variables = simulator.environment();
    let (_, value) = variables
        .into_iter()
        .find(|(key, _)| key == name)
        .expect("the simulator names its app's secret");
    value
}

#[test]
fn a_plain_secret_is_read_by_name_in_one_signed_request() {
    let vault = Vault::with(str::to_owned);
    let answer = vault.list_incidents(NAME).json();
    assert!(
        !answer["items"].as_array().expect("a list").is_empty(),
        "{answer}"
    );

    let requests = vault.requests();
    assert_eq!(requests.len(), 1, "{requests:#?}");
    let header = |name: &str| {
        let headers = requests[0]["headers"]
            .as_object()
            .expect("headers are an object");
        headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.as_str())
            .unwrap_or_default()
    };
    assert_eq!(header("x-amz-target"), "secretsmanager.GetSecretValue");
    assert_eq!(header("x-amz-security-token"), "session-token");
    let authorization = header("authorization");
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
        "{authorization}"
    );
    assert!(
        authorization.contains("/eu-west-1/secretsmanager/aws4_request"),
        "{authorization}"
    );
}

#[test]
fn a_secret_in_json_is_read_by_arn() {
    let vault = Vault::with(|secret| {
        json!({ "clientSecret": secret, "rotated": "2026-11-01" }).to_string()
    });
    let answer = vault.list_incidents(&vault.arn).json();
    assert!(
        !answer["items"].as_array().expect("a list").is_empty(),
        "{answer}"
    );
    assert_eq!(vault.requests().len(), 1);
}

#[test]
fn a_secret_that_is_not_there_is_named_and_nothing_is_asked_of_entra() {
    let vault = Vault::with(str::to_owned);
    let outcome = vault.list_incidents("defender/other");
    let (error_type, message) = outcome.error().expect("there is no such secret");
    assert!(
        ["Misconfigured", "CredentialRejected"].contains(&error_type.as_str()),
        "{error_type}: {message}"
    );
    assert!(message.contains("AZURE_CLIENT_SECRET_ID"), "{message}");
    assert!(
        vault.simulator.requests().is_empty(),
        "{:?}",
        vault.simulator.requests()
    );
}

#[test]
fn json_without_the_field_is_reported_without_what_it_holds() {
    let vault = Vault::with(|secret| json!({ "password": secret }).to_string());
    let outcome = vault.list_incidents(NAME);
    let (error_type, message) = outcome.error().expect("the secret has no clientSecret");
    assert_eq!(error_type, "Misconfigured", "{message}");
    assert!(message.contains("clientSecret"), "{message}");
    assert!(
        !message.contains(&environment(&vault.simulator, "AZURE_CLIENT_SECRET")),
        "{message}"
    );
}

#[test]
fn a_rotation_fails_no_invocation() {
    let vault = Vault::with(str::to_owned);
    let function = vault.function(NAME);
    invoke(&function).json();
    // Stored before Entra knows it: the previous one is still taken.
    let first = environment(&vault.simulator, "AZURE_CLIENT_SECRET");
    vault.store(&json!({ "clientSecret": "second", "previousClientSecret": first }).to_string());
    let fresh = vault.function(NAME);
    invoke(&fresh).json();
    // Switched while both functions hold what was there before.
    vault.accept_only(&["second"]);
    invoke(&function).json();
    invoke(&fresh).json();
    vault.accept_only(&["third"]);
    vault.store("third");
    invoke(&function).json();
    assert_eq!(
        vault.reads(),
        4,
        "read again only when every secret was refused"
    );
}

#[test]
fn a_secret_that_stays_wrong_is_read_again_once() {
    let vault = Vault::with(|_| "wrong".to_owned());
    let outcome = invoke(&vault.function(NAME));
    let (error_type, message) = outcome.error().expect("Entra refuses it");
    assert_eq!(error_type, "CredentialRejected");
    assert!(message.contains("AADSTS7000215"), "{message}");
    assert_eq!(vault.requests().len(), 2);
}

const CERTIFICATE: &str = "AZURE_CLIENT_CERTIFICATE_SECRET_ID";

#[test]
fn a_certificate_is_read_in_one_request_before_the_first_invocation() {
    let vault = Vault::with(|_| Certificate::registered().pem());
    let function = vault.function_with(CERTIFICATE, NAME);
    invoke(&function).json();
    invoke(&function).json();
    assert_eq!(vault.requests().len(), 1);
    let tokens = vault.simulator.requests();
    let form = tokens[0].form();
    assert!(
        form.iter().any(|(name, _)| name == "client_assertion"),
        "{form:?}"
    );
}

#[test]
fn a_stored_pair_that_cannot_be_used_keeps_the_function_from_starting() {
    let good = Certificate::registered();
    let mismatched = Certificate {
        key_pem: Certificate::other().key_pem,
        ..good.clone()
    };
    for (stored, problem) in [
        (good.reissued(-30, -1).pem(), "has expired"),
        (mismatched.pem(), "do not belong together"),
        ("no PEM".to_owned(), "no private key"),
    ] {
        let vault = Vault::with(|_| stored);
        let outcome = invoke(&vault.function_with(CERTIFICATE, NAME));
        let Outcome::InitError {
            error_type,
            message,
        } = outcome
        else {
            panic!("{problem}: {outcome:?}")
        };
        assert_eq!(error_type, "Misconfigured");
        assert!(
            message.contains(CERTIFICATE) && message.contains(problem),
            "{message}"
        );
    }
}

#[test]
fn a_certificate_that_is_not_there_is_an_error_of_the_invocation() {
    let vault = Vault::with(|_| Certificate::registered().pem());
    let function = vault.function_with(CERTIFICATE, "defender/certificate");
    let (error_type, message) = invoke(&function).error().expect("there is no such secret");
    assert_eq!(error_type, "Misconfigured");
    assert!(message.contains(CERTIFICATE), "{message}");
    // It can be stored later; no new start is needed.
    let arguments =
        json!({ "name": "defender/certificate", "value": Certificate::registered().pem() });
    vault.ask("create_secret", &arguments);
    invoke(&function).json();
    assert_eq!(function.starts(), 1);
}

#[test]
fn a_rotation_of_the_certificate_fails_no_invocation() {
    let vault = Vault::with(|_| Certificate::registered().pem());
    let function = vault.function_with(CERTIFICATE, NAME);
    invoke(&function).json();
    let new = Certificate::other();
    vault.store(&new.pem());
    let client_id = environment(&vault.simulator, "AZURE_CLIENT_ID");
    vault.simulator.edit("harbourline.example", |tenant| {
        tenant
            .app(&client_id)
            .expect("the app is there")
            .certificates = vec![new.certificate_pem.clone()];
        tenant.revoke_tokens();
    });
    invoke(&function).json();
    assert_eq!(vault.reads(), 2);
}
