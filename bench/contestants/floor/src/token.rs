//! Tokens of Entra ID, kept until a minute before they expire.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::ClientConfig;

use crate::{aws, connection::Host, json, variable};

pub struct Tokens {
    login: Host,
    client: String,
    /// The parameters that prove who asks, once they are known.
    proof: Option<String>,
    known: Vec<Token>,
}

struct Token {
    tenant: String,
    text: String,
    until: Instant,
}

impl Tokens {
    pub fn from_environment(tls: &Arc<ClientConfig>) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            login: Host::of(&variable("AZURE_AUTHORITY_HOST")?, tls)?,
            client: variable("AZURE_CLIENT_ID")?,
            proof: variable("AZURE_CLIENT_SECRET").ok().map(by_secret),
            known: Vec::new(),
        })
    }

    /// A tenant's token. The function asks one API, so that there is one token for each tenant.
    pub fn get(
        &mut self,
        tenant: &str,
        audience: &str,
        tls: &Arc<ClientConfig>,
    ) -> Result<&str, Box<dyn Error>> {
        let now = Instant::now();
        self.known.retain(|token| token.until > now);
        if let Some(at) = self.known.iter().position(|token| token.tenant == tenant) {
            return Ok(&self.known[at].text);
        }
        let proof = match self.proof.take() {
            Some(proof) => proof,
            None => prove(tls)?,
        };
        let (client, host) = (&self.client, &self.login.authority);
        let body = format!(
            "grant_type=client_credentials&client_id={client}&scope=https%3A%2F%2F{audience}%2F.default&{proof}"
        );
        let length = body.len();
        let request = format!(
            "POST /{tenant}/oauth2/v2.0/token HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        self.proof = Some(proof);
        let head = self.login.ask(request.as_bytes())?;
        let mut answer = Vec::new();
        self.login.read(&head, &mut answer)?;
        let answer = String::from_utf8(answer)?;
        let text =
            json::text(&answer, "access_token").ok_or("an answer of Entra without access_token")?;
        let life = json::number(&answer, "expires_in").unwrap_or_default();
        self.known.push(Token {
            tenant: tenant.to_owned(),
            text: text.to_owned(),
            until: now + Duration::from_secs(life.saturating_sub(60)),
        });
        Ok(&self.known[self.known.len() - 1].text)
    }
}

fn prove(tls: &Arc<ClientConfig>) -> Result<String, Box<dyn Error>> {
    if let Ok(id) = variable("AZURE_CLIENT_SECRET_ID") {
        return Ok(by_secret(aws::secret(&id, tls)?));
    }
    let assertion = aws::vouched(tls)?;
    Ok(format!(
        "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={assertion}"
    ))
}

fn by_secret(secret: String) -> String {
    format!(
        "client_secret={}",
        utf8_percent_encode(&secret, NON_ALPHANUMERIC)
    )
}
