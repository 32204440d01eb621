//! Customers by the dozen: small tenants that all have consented to the same application.

use serde_json::json;

use crate::app::App;
use crate::hunting::Table;
use crate::incident::{Alert, Incident};
use crate::tenant::Tenant;
use crate::time::{self, SECOND};
use crate::{Simulator, server};

/// What the domains of these tenants begin with.
const PREFIX: &str = "customer-";

impl Simulator {
    /// The GUIDs of the tenants that [`crate::Builder::customers`] made, in order.
    pub fn customers(&self) -> Vec<String> {
        let state = server::lock(&self.state);
        let tenants = state.tenants.iter();
        let made = tenants.filter(|tenant| tenant.domain.starts_with(PREFIX));
        made.map(|tenant| tenant.tenant_id.clone()).collect()
    }
}

/// The tenants `customer-001.example` and on. All that can be read in one tells its number: three incidents, an alert
/// on the first of them, and a device.
pub(crate) fn make(count: usize, app: &App, as_of: &str) -> Vec<Tenant> {
    (1..=count)
        .map(|number| make_one(number, app, as_of))
        .collect()
}

fn make_one(number: usize, app: &App, as_of: &str) -> Tenant {
    let tenant_id = format!("c05706e2-0000-4000-8000-{number:012}");
    let domain = format!("{PREFIX}{number:03}.example");
    let name = format!("Customer {number:03}");
    let told = json!({
        "tenantId": tenant_id, "domain": domain, "displayName": name, "asOf": as_of, "apps": [app],
    });
    let mut tenant: Tenant = serde_json::from_value(told).expect("these are a tenant's fields");
    let now = time::parse(as_of).unwrap_or_default();
    let before = |minutes: i64| time::format(now - minutes * 60 * SECOND);
    for index in 0..3 {
        let id = 100_000 + 10 * number as u64 + index;
        let mut incident = Incident::new(&tenant_id, id, &before(10 * (index as i64 + 1)));
        incident.display_name = format!("{name}: incident {}", index + 1);
        tenant.incidents.push(incident);
    }
    let device = json!({
        "id": format!("{:040x}", 0xc05_7000 + number),
        "computerDnsName": format!("desk-1.{domain}"),
        "firstSeen": before(90 * 24 * 60), "lastSeen": before(5),
        "osPlatform": "Windows11", "healthStatus": "Active", "onboardingStatus": "onboarded",
        "deviceValue": "Normal", "riskScore": "Low", "exposureLevel": "Low",
    });
    tenant.devices = serde_json::from_value(json!([device])).expect("these are a device's fields");
    let (incident, device) = (&tenant.incidents[0], &tenant.devices[0]);
    let alert = format!("dacustomer{number:03}_1");
    let mut alert = Alert::new(&tenant_id, &alert, &incident.id, device, &before(10));
    alert.title = format!("{name}: alert 1");
    tenant.alerts.push(alert);
    tenant.tables = Table::all();
    tenant
}
