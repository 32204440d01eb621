//! The page that an administrator lands on after deciding about the consent, as Chromium shows it.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
};

use local::{
    gateway::{Functions, Gateway},
    runtime_api::Function,
};
use serde_json::{Value, json};
use simulator::Simulator;

use crate::{moto::Moto, node::Node, python::scratch};

const TABLE: &str = "tenants";
const PINECREST: &str = "pinecrest-schools.example";

/// A partner whose functions are behind a gateway.
struct Partner {
    moto: Moto,
    simulator: Simulator,
    gateway: Gateway,
    environment: Vec<(String, String)>,
    node: Node,
}

impl Partner {
    fn start() -> Self {
        let (moto, simulator, node) = (Moto::start(), Simulator::start(), Node::browser());
        moto.ask("create_lease_table", &json!({ "name": TABLE }));
        let key = moto.ask("create_mac_key", &json!({}));
        // Where the browser is sent back to has to be known before anything listens there.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = free.expect("loopback is there").port();
        let mut environment = simulator.environment();
        environment.extend(moto.environment("DYNAMODB"));
        environment.extend(moto.environment("KMS"));
        environment.extend(
            [
                ("TENANTS_TABLE", TABLE),
                ("CONSENT_KEY_ID", key.as_str().expect("an ARN")),
                (
                    "CONSENT_REDIRECT_URI",
                    &format!("http://127.0.0.1:{port}/consent"),
                ),
                ("ALLOWED_TENANTS", "registry"),
                ("DEPLOYED_OPERATIONS", "list_incidents,run_hunting_query"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let functions = Functions::new(env!("CARGO_BIN_EXE_bootstrap"), environment.clone());
        Self {
            gateway: Gateway::start(functions, port).expect("the port was free"),
            moto,
            simulator,
            environment,
            node,
        }
    }

    async fn link(&self) -> String {
        let onboarding = Function::builder(env!("CARGO_BIN_EXE_bootstrap"), "onboard_tenant")
            .envs(self.environment.clone())
            .start()
            .expect("bootstrap starts");
        let input = json!({ "tenantId": PINECREST, "displayName": "Pinecrest Schools" });
        let answer = onboarding.invoke(input.to_string()).await.json();
        answer["consentLink"].as_str().expect("a link").to_owned()
    }

    /// Opens the link, presses the button if there is one, and gives the page that follows, which keeps all that every page has to.
    fn visit(&self, name: &str, link: &str, button: Option<&str>) -> Value {
        let page = self.node.consent_js(&json!({
            "link": link,
            "button": button,
            "landing": format!("{}/consent?", self.gateway.url()),
            "chromium": chromium(),
            "pictures": scratch("pages").join(name),
        }));
        assert_eq!(page["language"], "en");
        assert_eq!(page["headings"], json!([page["title"]]), "one heading");
        assert_eq!(page["troubles"], json!([]));
        assert_eq!(page["fits"], true, "it has to be scrolled sideways");
        let headers = &page["headers"];
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let blocked = [
            "form-action",
            "img-src",
            "script-src-elem",
            "style-src-elem",
        ];
        assert_eq!(page["blocked"], json!(blocked));
        for scheme in ["light", "dark"] {
            assert_eq!(page[scheme]["barriers"], json!([]), "{scheme}");
        }
        assert_ne!(page["light"]["background"], page["dark"]["background"]);
        page
    }

    fn state(&self) -> Value {
        let rows = self.moto.ask("tenants", &json!({ "table": TABLE }));
        let mut rows = rows.as_object().expect("rows by their key").values();
        let row = rows.next().expect("the invited tenant");
        row["state"].clone()
    }
}

/// Debian's Chromium, or the one that `CHROMIUM` names.
pub fn chromium() -> PathBuf {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let chromium = named.unwrap_or_else(|| Path::new("/usr/bin/chromium").to_owned());
    assert!(
        chromium.exists(),
        "{} is missing: apt-get install chromium, or name another Chromium in CHROMIUM",
        chromium.display()
    );
    chromium
}

#[track_caller]
fn says(page: &Value, part: &str) {
    let text = page["text"].as_str().expect("text");
    assert!(text.contains(part), "{text}");
}

#[tokio::test]
async fn whoever_accepts_reads_that_it_is_done() {
    let partner = Partner::start();
    let link = partner.link().await;
    let page = partner.visit("complete", &link, Some("Accept"));
    assert_eq!(page["status"], 200);
    assert_eq!(page["title"], "Consent is complete");
    says(&page, "Pinecrest Schools is connected");
    assert_eq!(partner.state(), "active");
}

#[tokio::test]
async fn whoever_accepts_too_little_reads_what_is_missing_and_where_to_consent_again() {
    let partner = Partner::start();
    partner.simulator.edit("harbourline.example", |home| {
        let graph = vec!["SecurityIncident.Read.All".to_owned()];
        home.apps[0].required_roles = [("graph".to_owned(), graph)].into();
    });
    let link = partner.link().await;
    let page = partner.visit("incomplete", &link, Some("Accept"));
    assert_eq!(page["status"], 200);
    assert_eq!(page["title"], "Consent was given, but something is missing");
    let missing = page["items"].as_array().expect("a list");
    assert!(
        matches!(&missing[..], [one] if one.as_str().is_some_and(|one| one.contains("ThreatHunting.Read.All"))),
        "{missing:?}"
    );
    says(&page, "it may take some minutes until they show");
    let again = page["links"][0].as_str().expect("a link");
    assert!(again.starts_with(partner.simulator.origin()), "{again}");
    assert_eq!(partner.state(), "incomplete");
}

#[tokio::test]
async fn whoever_declines_reads_what_to_do() {
    let partner = Partner::start();
    let link = partner.link().await;
    let page = partner.visit("declined", &link, Some("Decline"));
    assert_eq!(page["status"], 200);
    assert_eq!(page["title"], "Consent was not given");
    says(&page, "Nothing was connected");
    says(&page, "open the link that you were sent once more");
    assert_eq!(partner.state(), "invited");
}

#[tokio::test]
async fn a_forged_return_is_refused_and_nothing_of_it_is_shown() {
    let partner = Partner::start();
    let forged = format!(
        "{}/consent?admin_consent=True&tenant=%3Cscript%3Ealert(1)%3C/script%3E&state=%3Cb%3Eforged.AAAA",
        partner.gateway.url()
    );
    let page = partner.visit("forged", &forged, None);
    assert_eq!(page["status"], 400);
    assert_eq!(page["title"], "This link cannot be used");
    let text = page["text"].as_str().expect("text");
    assert!(
        !text.contains("alert") && !text.contains("forged"),
        "{text}"
    );
}
