//! What Entra and Graph answer: a token, 50 incidents, the rows of a hunt, in the sizes that they have there.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::http::{self, Request};

pub const TENANT: &str = "11111111-2222-3333-4444-555555555555";
pub const INCIDENTS: usize = 50;
pub const ROWS: usize = 500;
/// A field that each incident and each row has once.
pub const INCIDENT: &str = "incidentWebUrl";
pub const ROW: &str = "ProcessCommandLine";

/// Whole responses, made once.
pub struct Answers {
    token: Vec<u8>,
    incidents: Vec<u8>,
    rows: Vec<u8>,
    unknown: Vec<u8>,
}

impl Answers {
    pub fn make() -> Self {
        let of_graph = |body: Value| {
            let headers = [
                ("cache-control", "no-cache"),
                ("strict-transport-security", "max-age=31536000"),
                ("request-id", "0e3b1f5a-6c1d-4a0e-9a43-2f5d0c7b8e11"),
                ("client-request-id", "0e3b1f5a-6c1d-4a0e-9a43-2f5d0c7b8e11"),
                (
                    "x-ms-ags-diagnostic",
                    r#"{"ServerInfo":{"DataCenter":"West Europe","Slice":"E","Ring":"5","ScaleUnit":"003"}}"#,
                ),
                ("odata-version", "4.0"),
                ("date", "Sat, 21 Nov 2026 12:00:00 GMT"),
            ];
            http::response("200 OK", &headers, &body.to_string())
        };
        let incidents: Vec<_> = (0..INCIDENTS).map(incident).collect();
        let rows: Vec<_> = (0..ROWS).map(row).collect();
        let schema = [
            ("Timestamp", "DateTime"),
            ("DeviceName", "String"),
            ("FileName", "String"),
            (ROW, "String"),
        ];
        let schema = schema.map(|(name, kind)| json!({"name": name, "type": kind}));
        Self {
            token: http::response(
                "200 OK",
                &[
                    ("cache-control", "no-store, no-cache"),
                    ("pragma", "no-cache"),
                ],
                &token().to_string(),
            ),
            incidents: of_graph(json!({
                "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#security/incidents",
                "value": incidents,
            })),
            rows: of_graph(json!({
                "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.security.huntingQueryResults",
                "schema": schema,
                "results": rows,
            })),
            unknown: http::response("404 Not Found", &[], "{}"),
        }
    }

    /// The whole response to a request.
    pub fn to(&self, request: &Request) -> &[u8] {
        let path = request.line.split('?').next().unwrap_or_default();
        match path.rsplit('/').next() {
            Some("token") => &self.token,
            Some("incidents") => &self.incidents,
            Some("runHuntingQuery") => &self.rows,
            _ => &self.unknown,
        }
    }
}

fn token() -> Value {
    let claims = json!({
        "aud": "https://graph.microsoft.com",
        "iss": format!("https://sts.windows.net/{TENANT}/"),
        "iat": 1_795_000_000, "nbf": 1_795_000_000, "exp": 4_000_000_000_u64,
        "app_displayname": "Defender functions",
        "appid": TENANT, "appidacr": "1",
        "idp": format!("https://sts.windows.net/{TENANT}/"),
        "idtyp": "app", "oid": TENANT, "sub": TENANT, "tid": TENANT,
        "rh": "1.AX0AZ".repeat(8), "uti": "Qm9yZGVybGluZQ", "ver": "1.0",
        "roles": ["SecurityIncident.Read.All", "SecurityAlert.Read.All", "ThreatHunting.Read.All"],
        "xms_ftd": "c".repeat(64), "xms_tcdt": 1_600_000_000,
    });
    let [header, claims] = [
        json!({"typ": "JWT", "alg": "RS256", "kid": "x".repeat(27)}),
        claims,
    ]
    .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signature = URL_SAFE_NO_PAD.encode([7; 256]);
    json!({
        "token_type": "Bearer",
        "expires_in": 3599,
        "ext_expires_in": 3599,
        "access_token": format!("{header}.{claims}.{signature}"),
    })
}

/// About 1.3 KB.
fn incident(number: usize) -> Value {
    let id = 40_000 - number;
    let minute = 59 - number;
    json!({
        "id": id.to_string(),
        "tenantId": TENANT,
        "status": "active",
        INCIDENT: format!("https://security.microsoft.com/incident2/{id}/overview?tid={TENANT}"),
        "redirectIncidentId": null,
        "displayName": "Multi-stage incident involving Initial access & Command and control on one endpoint",
        "createdDateTime": format!("2026-11-20T10:{minute:02}:07.1966667Z"),
        "lastUpdateDateTime": format!("2026-11-20T11:{minute:02}:11.9233333Z"),
        "assignedTo": "analyst@contoso.example",
        "classification": "unknown",
        "determination": "unknown",
        "severity": "medium",
        "customTags": ["Finance", "Ring 2"],
        "systemTags": ["Defender Experts"],
        "description": "A device opened a document from the Internet, a script was started by it, and the script talked to a host that is \
                        known for command and control. \"Rundll32\" was used to run what it had fetched from there.\n\nThe file was \
                        kept below C:\\ProgramData\\Contoso\\Updates and is signed by nobody.",
        "lastModifiedBy": "Microsoft 365 Defender-AlertCorrelation",
        "resolvingComment": null,
        "summary": "## What happened\nAn attacker got to the device by a document and is in control of it. The account that it ran \
                    under is no administrator.\n## What to do\nIsolate the device and reset the account's password.",
        "comments": [],
    })
}

/// About 300 bytes.
fn row(number: usize) -> Value {
    json!({
        "Timestamp": format!("2026-11-20T10:{:02}:{:02}.{number:07}Z", number / 60 % 60, number % 60),
        "DeviceName": format!("workstation-{number:05}.contoso.example"),
        "FileName": "powershell.exe",
        ROW: format!("\"C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe\" -NoProfile -ExecutionPolicy Bypass -File \
                      \"C:\\ProgramData\\Contoso\\Inventory\\collect-{number:05}.ps1\" -Verbose"),
    })
}
