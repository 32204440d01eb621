//! Credentials of which nothing is stored: AWS's word for the function's role, and a workload identity's token in a file.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use local::runtime_api::{Builder, Outcome};
use serde_json::json;
use simulator::{AwsRefusal, Certificate, Fault, FederatedCredential, Kind, Request, Simulator};

use crate::{TemporaryFile, builder, problem, token_requests, variable};

const TENANT: &str = "harbourline.example";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn vouched_for(simulator: &Simulator) -> Builder {
    builder(simulator, "list_incidents")
        .env_remove("AZURE_CLIENT_SECRET")
        .env("AZURE_CREDENTIAL", "aws")
        .envs(simulator.aws_environment())
}

/// The requests to AWS's Security Token Service.
fn sts_requests(simulator: &Simulator) -> Vec<Request> {
    let requests = simulator.requests().into_iter();
    requests.filter(|request| request.path == "/").collect()
}

fn field(request: &Request, name: &str) -> String {
    let form = request.form();
    let found = form.into_iter().find(|(known, _)| known == name);
    found.expect("the form has the field").1
}

#[tokio::test]
async fn aws_is_asked_for_a_short_token_that_entra_takes() {
    let simulator = Simulator::start();
    let function = vouched_for(&simulator).start().unwrap();
    function.invoke("{}").await.json();
    let asked = sts_requests(&simulator);
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].form(),
        [
            ("Action", "GetWebIdentityToken"),
            ("Version", "2011-06-15"),
            ("Audience.member.1", "api://AzureADTokenExchange"),
            ("SigningAlgorithm", "RS256"),
            ("DurationSeconds", "300"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let tokens = token_requests(&simulator);
    assert_eq!(tokens.len(), 1);
    assert_eq!(field(&tokens[0], "client_assertion_type"), JWT_BEARER);
    let names: Vec<_> = tokens[0].form().into_iter().map(|(name, _)| name).collect();
    assert!(!names.contains(&"client_secret".to_owned()));
}

#[tokio::test]
async fn one_word_of_awss_serves_many_tenants() {
    let simulator = Simulator::start();
    let function = vouched_for(&simulator)
        .env(
            "ALLOWED_TENANTS",
            "kitsune-foods.example,maplewood-clinic.example",
        )
        .start()
        .unwrap();
    function.invoke("{}").await.json();
    for tenant in ["kitsune-foods.example", "maplewood-clinic.example"] {
        let input = json!({ "tenantId": tenant }).to_string();
        function.invoke(input).await.json();
    }
    assert_eq!(sts_requests(&simulator).len(), 1);
    let tokens = token_requests(&simulator);
    assert_eq!(tokens.len(), 3);
    assert_eq!(
        field(&tokens[0], "client_assertion"),
        field(&tokens[2], "client_assertion")
    );
}

#[tokio::test]
async fn a_government_cloud_has_an_audience_of_its_own() {
    let simulator = Simulator::start();
    let function = vouched_for(&simulator)
        .env("DEFENDER_CLOUD", "gcc-high")
        .start()
        .unwrap();
    function.invoke("{}").await;
    assert_eq!(
        field(&sts_requests(&simulator)[0], "Audience.member.1"),
        "api://AzureADTokenExchangeUSGov"
    );
}

#[tokio::test]
async fn a_federated_credential_that_is_not_known_yet_is_waited_for() {
    let simulator = Simulator::start();
    simulator.inject(Fault::from(Kind::Entra { code: 70021 }).times(2));
    let function = vouched_for(&simulator).start().unwrap();
    function.invoke("{}").await.json();
    assert_eq!(token_requests(&simulator).len(), 3);
    assert_eq!(sts_requests(&simulator).len(), 1);
}

#[tokio::test]
async fn a_federated_credential_that_does_not_match_is_not_waited_for() {
    for (change, number) in [
        (
            (|credential| credential.subject.push('x')) as fn(&mut FederatedCredential),
            "AADSTS700213",
        ),
        (
            |credential| credential.subject.make_ascii_uppercase(),
            "AADSTS7002138",
        ),
        (|credential| credential.issuer.push('x'), "AADSTS700211"),
        (|credential| credential.audience.push('x'), "AADSTS700212"),
    ] {
        let simulator = Simulator::start();
        let client_id = variable(&simulator, "AZURE_CLIENT_ID");
        simulator.edit(TENANT, |tenant| {
            let app = tenant.app(&client_id).unwrap();
            app.federated_credentials.iter_mut().for_each(change);
        });
        let problem = problem(&vouched_for(&simulator).start().unwrap().invoke("{}").await);
        assert_eq!(problem["code"], json!("CredentialRejected"));
        assert_eq!(problem["upstream"]["code"], json!(number));
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("case included"),
            "{problem}"
        );
        assert_eq!(token_requests(&simulator).len(), 1);
    }
}

#[tokio::test]
async fn a_word_that_entra_finds_too_old_is_replaced_once() {
    let simulator = Simulator::start();
    let function = vouched_for(&simulator).start().unwrap();
    simulator.inject(Fault::from(Kind::Entra { code: 700024 }).times(1));
    function.invoke("{}").await.json();
    assert_eq!(
        (
            sts_requests(&simulator).len(),
            token_requests(&simulator).len()
        ),
        (2, 2)
    );
}

#[tokio::test]
async fn what_aws_refuses_is_said_with_what_to_do() {
    for (refusal, code, advice) in [
        (
            AwsRefusal::FederationDisabled,
            "OutboundWebIdentityFederationDisabledException",
            "iam:EnableOutboundWebIdentityFederation",
        ),
        (
            AwsRefusal::AccessDenied,
            "AccessDenied",
            "sts:GetWebIdentityToken for the audience api://AzureADTokenExchange",
        ),
        (AwsRefusal::ExpiredToken, "ExpiredToken", "expired"),
    ] {
        let simulator = Simulator::start();
        simulator.edit_aws(|aws| aws.refusal = Some(refusal));
        let problem = problem(&vouched_for(&simulator).start().unwrap().invoke("{}").await);
        assert_eq!(problem["code"], json!("Misconfigured"));
        assert_eq!(
            (
                &problem["upstream"]["service"],
                &problem["upstream"]["code"]
            ),
            (&json!("sts"), &json!(code))
        );
        assert!(
            problem["detail"].as_str().unwrap().contains(advice),
            "{problem}"
        );
        assert!(token_requests(&simulator).is_empty());
    }
}

#[tokio::test]
async fn credentials_that_end_too_soon_are_named() {
    let simulator = Simulator::start();
    simulator.edit_aws(|aws| aws.session_seconds_left = Some(60));
    let problem = problem(&vouched_for(&simulator).start().unwrap().invoke("{}").await);
    assert_eq!(
        problem["upstream"]["code"],
        json!("SessionDurationEscalationException")
    );
}

#[tokio::test]
async fn a_request_that_is_signed_with_another_key_is_refused() {
    let simulator = Simulator::start();
    let function = vouched_for(&simulator)
        .env("AWS_SECRET_ACCESS_KEY", "another")
        .start()
        .unwrap();
    let problem = problem(&function.invoke("{}").await);
    assert_eq!(problem["upstream"]["code"], json!("SignatureDoesNotMatch"));
}

#[tokio::test]
async fn passing_faults_of_awss_are_outwaited() {
    let simulator = Simulator::start();
    simulator.inject(Fault::from(Kind::throttle(1)).path("/").times(1));
    simulator.inject(Fault::from(Kind::status(500)).path("/").times(1));
    let function = vouched_for(&simulator).start().unwrap();
    function.invoke("{}").await.json();
    assert_eq!(sts_requests(&simulator).len(), 3);
}

#[tokio::test]
async fn what_failed_at_the_start_is_tried_again_by_the_invocation() {
    let simulator = Simulator::start();
    simulator.edit_aws(|aws| aws.refusal = Some(AwsRefusal::AccessDenied));
    let function = vouched_for(&simulator).start().unwrap();
    problem(&function.invoke("{}").await);
    simulator.edit_aws(|aws| aws.refusal = None);
    function.invoke("{}").await.json();
    assert_eq!(function.starts(), 1);
}

/// Answers on one connection what Entra would.
fn answer(connection: &mut TcpStream) -> String {
    let mut request = String::new();
    let mut buffer = [0; 16 * 1024];
    while !request.contains("client_assertion=") {
        let read = connection.read(&mut buffer).unwrap();
        assert_ne!(read, 0, "the connection was closed after {request:?}");
        request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    let body = r#"{"error":"invalid_client","error_codes":[7000229]}"#;
    write!(
        connection,
        "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_to_entra_is_made_while_aws_is_asked_and_used_by_the_first_request() {
    let simulator = Simulator::start();
    let entra = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = format!("http://{}", entra.local_addr().unwrap());
    let function = vouched_for(&simulator)
        .env("AZURE_AUTHORITY_HOST", authority)
        .start()
        .unwrap();
    // Nobody has invoked it: the connection is there all the same, with nothing on it.
    let (mut connection, _) = entra.accept().unwrap();
    connection.set_nonblocking(true).unwrap();
    let early = connection.read(&mut [0; 1]);
    assert!(early.is_err(), "something was sent ahead: {early:?}");
    connection.set_nonblocking(false).unwrap();
    let answering = std::thread::spawn(move || answer(&mut connection));
    let problem = problem(&function.invoke("{}").await);
    assert_eq!(problem["upstream"]["code"], json!("AADSTS7000229"));
    let request = answering.join().unwrap();
    assert!(request.starts_with("POST /"), "{request}");
    entra.set_nonblocking(true).unwrap();
    assert!(entra.accept().is_err(), "a second connection was made");
}

fn with_token_file(simulator: &Simulator, path: &str) -> Builder {
    builder(simulator, "list_incidents")
        .env_remove("AZURE_CLIENT_SECRET")
        .env("AZURE_FEDERATED_TOKEN_FILE", path)
}

/// A cluster whose workload the app trusts, and a token of that workload.
fn cluster(simulator: &Simulator) -> impl Fn(&str) -> String + use<> {
    let issuer = "https://oidc.cluster.example/";
    simulator.know_issuer(issuer, &Certificate::other());
    let client_id = variable(simulator, "AZURE_CLIENT_ID");
    simulator.edit(TENANT, |tenant| {
        let app = tenant.app(&client_id).unwrap();
        app.federated_credentials.push(FederatedCredential {
            name: "cluster".into(),
            issuer: issuer.into(),
            subject: "system:serviceaccount:soc:defender".into(),
            audience: "api://AzureADTokenExchange".into(),
        });
    });
    move |id| {
        let end = jiff::Timestamp::now().as_second() + 600;
        let claims = json!({
            "iss": issuer, "sub": "system:serviceaccount:soc:defender", "aud": "api://AzureADTokenExchange", "exp": end, "jti": id,
        });
        Certificate::other().sign("RS256", json!({}), &claims)
    }
}

#[tokio::test]
async fn a_workload_identitys_token_is_read_anew_for_every_token_request() {
    let simulator = Simulator::start();
    let token = cluster(&simulator);
    let (first, second) = (token("first"), token("second"));
    let file = TemporaryFile::with(&format!("{first}\n"));
    let function = with_token_file(&simulator, file.path()).start().unwrap();
    function.invoke("{}").await.json();
    file.write(&second);
    simulator.edit(TENANT, |tenant| tenant.revoke_tokens());
    function.invoke("{}").await.json();
    let sent: Vec<_> = token_requests(&simulator)
        .iter()
        .map(|request| field(request, "client_assertion"))
        .collect();
    assert_eq!(sent, [first, second]);
}

#[tokio::test]
async fn a_token_that_was_replaced_while_entra_refused_it_is_tried() {
    let simulator = Simulator::start();
    let token = cluster(&simulator);
    let file = TemporaryFile::with(&token("first"));
    // It is refused for its age after a wait in which the file was, or was not, given another.
    for (replaced, sent) in [(false, 2), (true, 3)] {
        simulator.clear_requests();
        let function = with_token_file(&simulator, file.path()).start().unwrap();
        simulator.inject(Fault::from(Kind::Entra { code: 70021 }).times(1));
        simulator.inject(Fault::from(Kind::Entra { code: 700024 }).times(1));
        let replacing = async {
            while token_requests(&simulator).is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            if replaced {
                file.write(&token("second"));
            }
        };
        let (outcome, ()) = tokio::join!(function.invoke("{}"), replacing);
        assert_eq!(token_requests(&simulator).len(), sent, "{outcome:?}");
        assert_eq!(matches!(outcome, Outcome::Answer(_)), replaced);
    }
}

#[tokio::test]
async fn a_token_file_that_cannot_be_used_is_named_and_nothing_is_sent() {
    let simulator = Simulator::start();
    let empty = TemporaryFile::with(" \n");
    for path in [empty.path(), "/nowhere/token"] {
        let function = with_token_file(&simulator, path).start().unwrap();
        let problem = problem(&function.invoke("{}").await);
        assert_eq!(problem["code"], json!("Misconfigured"));
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("AZURE_FEDERATED_TOKEN_FILE"), "{detail}");
    }
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn no_word_of_awss_is_ever_logged() {
    let simulator = Simulator::start();
    let function = vouched_for(&simulator)
        .env("AWS_LAMBDA_LOG_LEVEL", "TRACE")
        .start()
        .unwrap();
    let outcome = function.invoke("{}").await;
    assert!(matches!(outcome, Outcome::Answer(_)), "{outcome:?}");
    let logs = function.logs();
    let assertion = field(&token_requests(&simulator)[0], "client_assertion");
    let signature = assertion.rsplit('.').next().unwrap();
    assert!(logs.contains("sent a request") && !logs.contains(signature));
}
