//! What the upstream answers with: made once, in realistic sizes, the same for every contestant.

use std::fmt::Write;
use std::ops::Range;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use jiff::Timestamp;

/// The client secret, wherever it is kept.
pub const SECRET: &str = "bench~secret.0123456789-abcdefghijklmnop";
/// The device that is isolated.
pub const DEVICE: &str = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";
/// Rows of a hunt whose answer Lambda carries whole: 6 MB at most.
pub const ROWS_BUFFERED: usize = 16_000;
/// Rows of the largest hunt that Microsoft answers.
pub const ROWS_STREAMED: usize = 100_000;
/// Incidents of the tenant.
pub const INCIDENTS: usize = 500;

/// The tenant's incidents as JSON, newest first.
pub struct Incidents {
    /// All of them, with commas between.
    json: String,
    /// Where each is.
    places: Vec<Range<usize>>,
    /// When each was created, in Graph's own text.
    created: Vec<String>,
}

impl Incidents {
    /// Incidents of about 1.3 KB, a minute between them.
    pub fn make() -> Self {
        let (mut json, mut places, mut created) = (String::new(), Vec::new(), Vec::new());
        for number in 0..INCIDENTS {
            if number > 0 {
                json.push(',');
            }
            let minutes = 43_199 - number;
            let at = format!(
                "2026-10-{:02}T{:02}:{:02}:14.2130000Z",
                1 + minutes / 1440,
                minutes / 60 % 24,
                minutes % 60
            );
            let start = json.len();
            write_incident(&mut json, 29_281 - number, &at);
            places.push(start..json.len());
            created.push(at);
        }
        Self {
            json,
            places,
            created,
        }
    }

    /// A page of up to `top` incidents that begins with the one of this number, and the link to the next one, if there is one.
    pub fn page(&self, start: usize, top: usize, next: Option<&str>) -> Bytes {
        let end = (start + top).min(INCIDENTS);
        let items = match start < end {
            true => &self.json[self.places[start].start..self.places[end - 1].end],
            false => "",
        };
        let link = next
            .map(|link| format!(r#""@odata.nextLink":"{link}","#))
            .unwrap_or_default();
        format!(
            r#"{{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#security/incidents",{link}"value":[{items}]}}"#
        )
        .into()
    }

    /// The number of the first that was created at this instant or before.
    pub fn created_at_or_before(&self, instant: &str) -> usize {
        self.created.partition_point(|at| at.as_str() > instant)
    }
}

fn write_incident(json: &mut String, id: usize, at: &str) {
    write!(
        json,
        r##"{{"@odata.type":"#microsoft.graph.security.incident","id":"{id}","tenantId":"5e1f0000-0000-4000-8000-000000000000","status":"active","incidentWebUrl":"https://security.microsoft.com/incident2/{id}/overview?tid=5e1f0000-0000-4000-8000-000000000000","redirectIncidentId":null,"displayName":"Multi-stage incident involving Execution & Command and control on one endpoint reported by multiple sources","createdDateTime":"{at}","lastUpdateDateTime":"{at}","assignedTo":"jordan.reyes@harbourline.example","classification":"unknown","determination":"unknown","severity":"high","customTags":["ransomware","tier-{tier}"],"systemTags":["Defender Experts"],"description":"A malicious PowerShell Cmdlet was invoked on one of the machines. An attacker may be using the computer as an entry point to perform lateral movement, explore the network or exfiltrate information. Account {id} was used.","summary":"Between 14:02 and 14:31 the process winword.exe started powershell.exe with an encoded command, which connected to 203.0.113.{host} and wrote files to three shares.","resolvingComment":null,"lastModifiedBy":"Microsoft Defender XDR-AlertCorrelation","priorityScore":{score},"comments":[{{"comment":"Seen before on the same subnet, see the hand-over of the night shift","createdByDisplayName":"Jordan Reyes","createdDateTime":"{at}"}}]}}"##,
        tier = id % 3,
        host = id % 254 + 1,
        score = id % 100,
    )
    .expect("a string takes whatever is written");
}

/// The answer to a hunt: rows of about 300 bytes.
pub fn hunt(rows: usize) -> Bytes {
    let mut json = String::with_capacity(rows * 310 + 1024);
    json.push_str(r#"{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.security.huntingQueryResults","schema":["#);
    for (number, (name, kind)) in COLUMNS.iter().enumerate() {
        let comma = if number > 0 { "," } else { "" };
        let _ = write!(json, r#"{comma}{{"name":"{name}","type":"{kind}"}}"#);
    }
    json.push_str(r#"],"results":["#);
    for row in 0..rows {
        let comma = if row > 0 { "," } else { "" };
        let _ = write!(
            json,
            r#"{comma}{{"Timestamp":"2026-10-12T{:02}:{:02}:{:02}.{:07}Z","DeviceId":"{DEVICE}","DeviceName":"ws-{:05}.harbourline.example","FileName":"powershell.exe","ProcessCommandLine":"powershell.exe -NoProfile -File \"C:\\Ops\\task-{row}.ps1\"","ProcessId":{},"ReportId":{row}}}"#,
            row / 3600 % 24,
            row / 60 % 60,
            row % 60,
            row,
            row % 4000,
            1000 + row % 30_000,
        );
    }
    json.push_str("]}");
    json.into()
}

const COLUMNS: [(&str, &str); 7] = [
    ("Timestamp", "DateTime"),
    ("DeviceId", "String"),
    ("DeviceName", "String"),
    ("FileName", "String"),
    ("ProcessCommandLine", "String"),
    ("ProcessId", "Int64"),
    ("ReportId", "Int64"),
];

/// Entra's answer: a token of a usual length that permits every job.
pub fn token() -> Bytes {
    let claims = r#""aud":"https://graph.microsoft.com","iss":"https://sts.windows.net/5e1f0000-0000-4000-8000-000000000000/","app_displayname":"defender-functions","idtyp":"app","roles":["SecurityIncident.Read.All","SecurityIncident.ReadWrite.All","ThreatHunting.Read.All","Machine.Read.All","Machine.ReadWrite.All","Machine.Isolate"],"ver":"1.0","xms_ftd":"RzA4d0F0ZlB3aVhNcGFTdnBMYUZBZ2JhSmJkY0VxbXZQd0ZrU2V0dG1EWQ""#;
    let token = jwt(claims);
    format!(
        r#"{{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"{token}"}}"#
    )
    .into()
}

/// The answer of Secrets Manager.
pub fn secret() -> Bytes {
    format!(
        r#"{{"ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:defender/client-a1b2c3","Name":"defender/client","VersionId":"4b1c7a0e-0000-4000-8000-000000000001","SecretString":"{SECRET}","VersionStages":["AWSCURRENT"],"CreatedDate":1.7921088E9}}"#
    )
    .into()
}

/// The answer of STS: that AWS vouches for the function's role.
pub fn vouched() -> Bytes {
    let token = jwt(
        r#""aud":"api://AzureADTokenExchange","iss":"https://4b1c7a0e-0000-4000-8000-000000000001.tokens.sts.global.api.aws","sub":"arn:aws:iam::123456789012:role/list-incidents""#,
    );
    format!(
        r#"<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetWebIdentityTokenResult><WebIdentityToken>{token}</WebIdentityToken><Expiration>2036-01-01T00:00:00Z</Expiration></GetWebIdentityTokenResult><ResponseMetadata><RequestId>4b1c7a0e-0000-4000-8000-000000000002</RequestId></ResponseMetadata></GetWebIdentityTokenResponse>"#
    )
    .into()
}

/// A token with these claims and a day's life. Nobody here checks its signature, which has the length of an RSA key's.
fn jwt(claims: &str) -> String {
    let now = Timestamp::now().as_second();
    let claims = format!(
        r#"{{"iat":{now},"nbf":{now},"exp":{},{claims}}}"#,
        now + 86_400
    );
    let encode = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
    let header = encode(br#"{"typ":"JWT","alg":"RS256","kid":"bench"}"#);
    format!(
        "{header}.{}.{}",
        encode(claims.as_bytes()),
        encode(&[0x5a; 256])
    )
}

/// An isolation that Microsoft has accepted, with the comment that was sent, still in its JSON escapes.
pub fn isolation(comment: &str) -> String {
    format!(
        r#"{{"@odata.context":"https://api.security.microsoft.com/api/$metadata#MachineActions/$entity","id":"5382f7ea-7557-4ab7-9782-d50480024a4e","type":"Isolate","scope":"Full","requestor":"defender-functions","requestorComment":"{comment}","status":"Pending","machineId":"{DEVICE}","computerDnsName":"ws-00007.harbourline.example","creationDateTimeUtc":"2026-10-12T14:31:07.1234567Z","lastUpdateDateTimeUtc":"2026-10-12T14:31:07.1234567Z","cancellationRequestor":null,"cancellationComment":null,"cancellationDateTimeUtc":null,"errorHResult":0,"troubleshootInfo":null,"relatedFileInfo":null,"commands":[]}}"#
    )
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_listing_goes_on_from_an_instant_as_from_a_number() {
        let incidents = Incidents::make();
        let page: Value = serde_json::from_slice(&incidents.page(0, 50, None)).unwrap();
        let last = &page["value"][49];
        let at = last["createdDateTime"].as_str().unwrap();
        assert_eq!(incidents.created_at_or_before(at), 49);
        let next: Value = serde_json::from_slice(&incidents.page(49, 50, None)).unwrap();
        assert_eq!(&next["value"][0], last);
    }

    #[test]
    fn sizes_are_those_of_real_answers() {
        let page = Incidents::make().page(0, 50, None).len();
        assert!((60_000..75_000).contains(&page), "{page}");
        let hunt = hunt(1_000).len();
        assert!((270_000..330_000).contains(&hunt), "{hunt}");
    }
}
