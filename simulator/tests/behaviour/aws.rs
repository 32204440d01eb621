//! The Security Token Service: its signatures, its answers, and its tokens at Entra's door.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use serde_json::json;
use simulator::{AwsRefusal, Fault, Kind, Simulator};

use crate::client::*;

const V2: &str = "/harbourline.example/oauth2/v2.0/token";
const ROLE: &str = "arn:aws:iam::210987654321:role/defender-functions";
const QUERY: &str = "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=api%3A%2F%2FAzureADTokenExchange&SigningAlgorithm=RS256&DurationSeconds=300";

/// A call as a function of the account makes it.
struct Call {
    key_id: String,
    secret: String,
    session_token: Option<String>,
    region: String,
    service: &'static str,
    at: SystemTime,
    signed_body: String,
    body: String,
}

impl Call {
    fn new(sim: &Simulator, body: &str) -> Call {
        let mut call = Call {
            key_id: String::new(),
            secret: String::new(),
            session_token: None,
            region: String::new(),
            service: "sts",
            at: SystemTime::now(),
            signed_body: body.into(),
            body: body.into(),
        };
        for (name, value) in sim.aws_environment() {
            match name.as_str() {
                "AWS_ACCESS_KEY_ID" => call.key_id = value,
                "AWS_SECRET_ACCESS_KEY" => call.secret = value,
                "AWS_SESSION_TOKEN" => call.session_token = Some(value),
                "AWS_REGION" => call.region = value,
                "AWS_ENDPOINT_URL_STS" => assert_eq!(value, sim.origin()),
                _ => panic!("{name}"),
            }
        }
        call
    }

    /// Signed by AWS's own library; the answer's status and XML.
    async fn send(self, sim: &Simulator) -> (u16, String) {
        let identity =
            Credentials::new(self.key_id, self.secret, self.session_token, None, "test").into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(self.at)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let url = format!("{}/", sim.origin());
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let body = SignableBody::Bytes(self.signed_body.as_bytes());
        let signable = SignableRequest::new("POST", &url, headers.into_iter(), body).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let mut request = http().post(&url).header(headers[0].0, headers[0].1);
        for (name, value) in instructions.headers() {
            request = request.header(name, value);
        }
        let answer = request.body(self.body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

fn element<'x>(xml: &'x str, name: &str) -> &'x str {
    let (_, rest) = xml
        .split_once(&format!("<{name}>"))
        .unwrap_or_else(|| panic!("{xml}"));
    rest.split_once(&format!("</{name}>")).unwrap().0
}

#[tokio::test]
async fn a_signed_call_gets_a_token_with_the_documented_claims_that_entra_takes() {
    let sim = Simulator::start();
    let (status, xml) = Call::new(&sim, QUERY).send(&sim).await;
    assert_eq!(status, 200, "{xml}");
    assert!(xml.starts_with("<GetWebIdentityTokenResponse"), "{xml}");
    let token = element(&xml, "WebIdentityToken");
    let claims = claims(token);
    assert_eq!(
        (&claims["sub"], &claims["aud"]),
        (&json!(ROLE), &json!("api://AzureADTokenExchange"))
    );
    assert_eq!(claims["iss"], sim.edit_aws(|aws| aws.issuer.clone()));
    let lives = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(lives, 300);
    assert!((claims["iat"].as_i64().unwrap() - machine_now()).abs() < 60);
    let about = &claims["https://sts.amazonaws.com/"];
    assert_eq!(about["aws_account"], "210987654321");
    assert!(about["lambda_source_function_arn"].is_string());
    let expiration = simulator::time::parse(element(&xml, "Expiration")).unwrap();
    assert_eq!(
        expiration / simulator::time::SECOND,
        claims["exp"].as_i64().unwrap()
    );

    let (status, body) = post_form(&sim, V2, &assertion_form(GRAPH, token)).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn a_call_that_is_signed_wrongly_is_refused_as_aws_does() {
    let sim = Simulator::start();
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    type Change = Box<dyn Fn(&mut Call)>;
    let cases: Vec<(&str, Change)> = vec![
        (
            "SignatureDoesNotMatch",
            Box::new(|call| call.secret.push('x')),
        ),
        (
            "SignatureDoesNotMatch",
            Box::new(|call| call.body.push_str("&Tags.member.1.Key=a")),
        ),
        (
            "SignatureDoesNotMatch",
            Box::new(|call| call.region = "us-east-1".into()),
        ),
        (
            "SignatureDoesNotMatch",
            Box::new(|call| call.service = "iam"),
        ),
        (
            "SignatureDoesNotMatch",
            Box::new(move |call| call.at -= minutes(16)),
        ),
        (
            "SignatureDoesNotMatch",
            Box::new(move |call| call.at += minutes(16)),
        ),
        (
            "InvalidClientTokenId",
            Box::new(|call| call.key_id = "ASIAUNKNOWN".into()),
        ),
        (
            "InvalidClientTokenId",
            Box::new(|call| call.session_token = None),
        ),
        (
            "InvalidClientTokenId",
            Box::new(|call| call.session_token = Some("old".into())),
        ),
    ];
    for (index, (code, change)) in cases.into_iter().enumerate() {
        let mut call = Call::new(&sim, QUERY);
        change(&mut call);
        let (status, xml) = call.send(&sim).await;
        assert_eq!(
            (status, element(&xml, "Code")),
            (403, code),
            "{index}: {xml}"
        );
        assert_eq!(element(&xml, "Type"), "Sender");
    }
    let bare = http().post(format!("{}/", sim.origin())).body(QUERY);
    let (status, xml) = read(bare.send().await.unwrap()).await;
    assert_eq!(
        (status, element(xml.as_str().unwrap(), "Code")),
        (403, "MissingAuthenticationToken")
    );
    let mut early = Call::new(&sim, QUERY);
    early.at -= minutes(14);
    assert_eq!(early.send(&sim).await.0, 200);
}

#[tokio::test]
async fn what_is_asked_for_must_be_allowed() {
    let sim = Simulator::start();
    for (query, expected) in [
        (
            QUERY.replace("GetWebIdentityToken", "GetSessionToken"),
            "InvalidAction",
        ),
        (QUERY.replace("2011-06-15", "2010-05-08"), "InvalidAction"),
        (
            QUERY.replace("Audience.member.1", "Audience"),
            "ValidationError",
        ),
        (QUERY.replace("RS256", "HS256"), "ValidationError"),
        (QUERY.replace("=300", "=59"), "ValidationError"),
        (QUERY.replace("=300", "=3601"), "ValidationError"),
    ] {
        let (status, xml) = Call::new(&sim, &query).send(&sim).await;
        assert_eq!((status, element(&xml, "Code")), (400, expected), "{query}");
    }
}

#[tokio::test]
async fn the_account_can_refuse() {
    let sim = Simulator::start();
    for (refusal, code) in [
        (
            AwsRefusal::FederationDisabled,
            "OutboundWebIdentityFederationDisabledException",
        ),
        (AwsRefusal::AccessDenied, "AccessDenied"),
        (AwsRefusal::ExpiredToken, "ExpiredToken"),
    ] {
        sim.edit_aws(|aws| aws.refusal = Some(refusal));
        let (status, xml) = Call::new(&sim, QUERY).send(&sim).await;
        assert_eq!((status, element(&xml, "Code")), (403, code));
    }
    sim.edit_aws(|aws| (aws.refusal, aws.session_seconds_left) = (None, Some(120)));
    let (_, xml) = Call::new(&sim, QUERY).send(&sim).await;
    assert_eq!(element(&xml, "Code"), "SessionDurationEscalationException");
    let shorter = QUERY.replace("=300", "=120");
    assert_eq!(Call::new(&sim, &shorter).send(&sim).await.0, 200);
}

#[tokio::test]
async fn faults_reach_it_in_its_own_words_and_leave_entra_alone() {
    let sim = Simulator::start();
    let throttle = Kind::Throttle {
        retry_after: None,
        form: None,
        message: None,
    };
    sim.inject(Fault::from(throttle).path("/"));
    assert_eq!(post_form(&sim, V2, &form(GRAPH)).await.0, 200);
    let (status, xml) = Call::new(&sim, QUERY).send(&sim).await;
    assert_eq!((status, element(&xml, "Code")), (400, "Throttling"));
    assert_eq!(Call::new(&sim, QUERY).send(&sim).await.0, 200);

    sim.inject(Fault::from(Kind::Entra { code: 70021 }).times(2));
    let (_, xml) = Call::new(&sim, QUERY).send(&sim).await;
    let form = assertion_form(GRAPH, element(&xml, "WebIdentityToken"));
    for expected in [70021, 70021, 0] {
        assert_eq!(number(&post_form(&sim, V2, &form).await.1), expected);
    }
}

#[tokio::test]
async fn another_algorithm_role_audience_or_clock_does_not_pass_at_entra() {
    let sim = Simulator::start();
    let plain = QUERY.to_owned();
    let cases = [
        (QUERY.replace("RS256", "ES384"), ROLE, 0, 5002738),
        (
            plain.clone(),
            "arn:aws:iam::210987654321:role/Defender-Functions",
            0,
            7002138,
        ),
        (
            plain.clone(),
            "arn:aws:iam::210987654321:role/other",
            0,
            700213,
        ),
        (QUERY.replace("Exchange", "ExchangeUSGov"), ROLE, 0, 700212),
        (plain.clone(), ROLE, -301, 700024),
        (plain, ROLE, 0, 0),
    ];
    for (query, role, ahead, expected) in cases {
        sim.edit_aws(|aws| {
            aws.role_arn = role.into();
            aws.clock_ahead_seconds = ahead;
        });
        let (_, xml) = Call::new(&sim, &query).send(&sim).await;
        let form = assertion_form(GRAPH, element(&xml, "WebIdentityToken"));
        let (_, body) = post_form(&sim, V2, &form).await;
        assert_eq!(number(&body), expected, "{body}");
    }
}
