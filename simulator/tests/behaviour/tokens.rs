//! What access tokens look like, and the keys by which they can be verified.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::Value;
use simulator::Simulator;

use crate::client::*;

async fn key_set(sim: &Simulator) -> Value {
    let url = format!("{}/{HARBOURLINE}/discovery/v2.0/keys", sim.origin());
    read(http().get(url).send().await.unwrap()).await.1
}

fn header(token: &str) -> Value {
    let part = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// The published key that a token's header names.
fn named<'k>(keys: &'k Value, token: &str) -> Option<&'k Value> {
    let kid = header(token)["kid"].clone();
    let mut keys = keys["keys"].as_array().unwrap().iter();
    keys.find(|key| key["kid"] == kid)
}

fn verifies(key: &Value, token: &str) -> bool {
    let number = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let key = RsaPublicKeyComponents {
        n: number("n"),
        e: number("e"),
    };
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
        .is_ok()
}

#[tokio::test]
async fn a_defender_token_is_signed_by_the_published_key_that_it_names_and_by_no_other() {
    let sim = Simulator::start();
    let token = token(&sim, HARBOURLINE, XDR).await;
    let keys = key_set(&sim).await;
    let signing = named(&keys, &token).unwrap();
    assert!(verifies(signing, &token));
    for other in keys["keys"].as_array().unwrap() {
        assert_eq!(verifies(other, &token), other == signing);
    }
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);

    let claims = claims(&token);
    assert_eq!(claims["aud"], XDR);
    assert_eq!(claims["tid"], "3f0a9c1e-5b7d-4e21-8c64-90d2ab15e7f3");
    assert!(
        claims["roles"]
            .as_array()
            .unwrap()
            .contains(&"AdvancedHunting.Read.All".into())
    );
}

#[tokio::test]
async fn a_graph_token_has_a_nonce_and_only_graph_can_verify_it() {
    let api = Api::graph().await;
    let keys = key_set(&api.sim).await;
    assert!(header(&api.token)["nonce"].is_string());
    assert!(!verifies(named(&keys, &api.token).unwrap(), &api.token));
    assert_eq!(api.get("/v1.0/security/incidents", &[]).await.0, 200);
}

#[tokio::test]
async fn the_signing_key_can_be_missing_from_the_key_set() {
    let sim = Simulator::start();
    let token = token(&sim, HARBOURLINE, XDR).await;
    sim.edit(HARBOURLINE, |tenant| tenant.signing_key_hidden = true);
    assert_eq!(named(&key_set(&sim).await, &token), None);
    sim.edit(HARBOURLINE, |tenant| tenant.signing_key_hidden = false);
    assert!(named(&key_set(&sim).await, &token).is_some());
}

#[tokio::test]
async fn an_app_can_have_tokens_of_version_2_for_a_resource() {
    let api = Api::xdr().await;
    api.sim.edit(HARBOURLINE, |tenant| {
        tenant.app(BRIGHTWATCH).unwrap().version_2_tokens = vec!["xdr".into()]
    });
    let api = api.renewed(XDR).await;
    let claims = claims(&api.token);
    assert_eq!(
        (&claims["ver"], &claims["aud"], &claims["azp"]),
        (
            &"2.0".into(),
            &"8ee8fdad-f234-4243-8f3b-15c294843740".into(),
            &BRIGHTWATCH.into()
        )
    );
    assert_eq!(
        claims["iss"],
        "https://login.microsoftonline.com/3f0a9c1e-5b7d-4e21-8c64-90d2ab15e7f3/v2.0"
    );
    assert_eq!(
        (claims.get("appid"), &claims["azpacr"]),
        (None, &"1".into())
    );
    assert_eq!(api.get("/api/incidents", &[]).await.0, 200);
}

#[tokio::test]
async fn discovery_names_the_issuer_and_the_endpoints_of_its_version() {
    let sim = Simulator::start();
    for (infix, issuer) in [
        ("", "https://sts.windows.net/"),
        ("/v2.0", "https://login.microsoftonline.com/"),
    ] {
        let url = format!(
            "{}/{HARBOURLINE}{infix}/.well-known/openid-configuration",
            sim.origin()
        );
        let (_, body) = read(http().get(url).send().await.unwrap()).await;
        assert!(body["issuer"].as_str().unwrap().starts_with(issuer));
        let keys = body["jwks_uri"].as_str().unwrap();
        let (status, keys) = read(http().get(keys).send().await.unwrap()).await;
        assert_eq!((status, &keys["keys"][0]["kty"]), (200, &"RSA".into()));
    }
}
