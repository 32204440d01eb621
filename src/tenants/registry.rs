//! The registry: one row of DynamoDB for each tenant, found by its GUID.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Finding, Standing,
    row::{Item, Registered, Update, key, now},
};
use crate::{
    call::{Call, read_json},
    config::{Table, Tenant},
    dynamodb::{self, Outcome},
    error::{Code, Error, Result},
    examination::Examination,
};

/// How many rows are read at a time.
const PAGE: usize = 500;

/// The rows of a scan, and the key after which it goes on.
pub struct Rows {
    pub items: Vec<Registered>,
    pub next: Option<String>,
}

/// `TENANTS_TABLE`, for one call.
pub struct Registry<'a> {
    call: &'a Call<'a>,
    table: &'a Table,
}

impl<'a> Registry<'a> {
    pub fn of(call: &'a Call<'a>) -> Result<Self> {
        let table = call.app.config.registry.as_ref().ok_or_else(|| {
            let detail = "TENANTS_TABLE is not set; it takes the name of the DynamoDB table that registers tenants.";
            Error::new(Code::Misconfigured, detail)
        })?;
        Ok(Self { call, table })
    }

    pub async fn get(&self, tenant: &Tenant) -> Result<Option<Registered>> {
        let body = json!({ "Key": key(tenant.as_str()), "ConsistentRead": true });
        self.one("DynamoDB_20120810.GetItem", body).await
    }

    /// Notes an invitation. A tenant that is there already keeps what it has, but for a new name.
    pub async fn invite(&self, tenant: &Tenant, name: Option<&str>) -> Result<()> {
        let mut update = Update::default();
        update.set("invitedAt", now());
        update.set_if_new("state", Standing::Invited.word());
        if let Some(name) = name {
            update.set("displayName", name);
        }
        self.update(tenant, update).await.map(|_| ())
    }

    /// Notes a consent and what was found thereafter. A tenant that `must_be_known` is not registered anew: it was removed
    /// since it was invited.
    pub async fn confirm(
        &self,
        tenant: &Tenant,
        name: Option<&str>,
        finding: &Finding,
        must_be_known: bool,
    ) -> Result<Option<Registered>> {
        let mut update = Update::finding(finding);
        update.must_exist = must_be_known;
        update.set("consentedAt", now());
        if let Some(name) = name {
            update.set_if_new("displayName", name);
        }
        self.update(tenant, update).await
    }

    /// The rows after a key, at least one if there are any left, and at most `most`.
    pub async fn list(
        &self,
        standing: Option<Standing>,
        after: Option<String>,
        most: usize,
    ) -> Result<Rows> {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Page {
            items: Vec<Item>,
            last_evaluated_key: Option<Item>,
        }
        let (mut items, mut next) = (Vec::new(), after);
        loop {
            let mut body = json!({ "Limit": PAGE, "ConsistentRead": true });
            if let Some(next) = &next {
                body["ExclusiveStartKey"] = key(next);
            }
            if let Some(standing) = standing {
                body["FilterExpression"] = "#state = :state".into();
                body["ExpressionAttributeNames"] = json!({ "#state": "state" });
                body["ExpressionAttributeValues"] = json!({ ":state": { "S": standing.word() } });
            }
            let page: Page = self
                .ask("DynamoDB_20120810.Scan", body)
                .await?
                .unwrap_or_default();
            for item in page.items {
                items.push(item.read()?);
            }
            next = page.last_evaluated_key.and_then(|key| key.text("pk"));
            if items.len() > most {
                items.truncate(most);
                next = items.last().map(|item: &Registered| item.tenant_id.clone());
            }
            if next.is_none() || items.len() >= most {
                return Ok(Rows { items, next });
            }
        }
    }

    /// Forgets a tenant. Answers whether it was there.
    pub async fn remove(&self, tenant: &Tenant) -> Result<bool> {
        let body = json!({ "Key": key(tenant.as_str()), "ReturnValues": "ALL_OLD" });
        let target = "DynamoDB_20120810.DeleteItem";
        Ok(self.one(target, body).await?.is_some())
    }

    async fn update(&self, tenant: &Tenant, update: Update) -> Result<Option<Registered>> {
        self.one("DynamoDB_20120810.UpdateItem", update.into_body(tenant))
            .await
    }

    /// The row of an answer; none where there is none, or where a condition does not hold.
    async fn one(&self, target: &'static str, body: Value) -> Result<Option<Registered>> {
        #[derive(Deserialize)]
        struct One {
            #[serde(alias = "Item", alias = "Attributes")]
            row: Option<Item>,
        }
        let answer: Option<One> = self.ask(target, body).await?;
        answer
            .and_then(|answer| answer.row)
            .map(Item::read)
            .transpose()
    }

    async fn ask<T: DeserializeOwned + Send>(
        &self,
        target: &'static str,
        body: Value,
    ) -> Result<Option<T>> {
        let asked = dynamodb::ask(self.call, self.table, target, body, |reply| {
            read_json(reply)
        });
        Ok(match asked.await? {
            Outcome::Done(answer) => Some(answer),
            Outcome::Unmet(_) => None,
        })
    }
}

/// Notes what an examination found.
pub async fn note_check(call: &Call<'_>, examination: &Examination) {
    let finding = Finding::of(&call.tenant, examination);
    note(call, &call.tenant, &finding).await;
}

/// Notes what was found of a tenant, where there is a registry and the tenant is in it. A registry that cannot be reached is the log's
/// business: what was found is worth an answer all the same.
pub async fn note(call: &Call<'_>, tenant: &Tenant, finding: &Finding) {
    let Some(table) = call.app.config.registry.as_ref() else {
        return;
    };
    let mut update = Update::finding(finding);
    update.must_exist = true;
    if let Err(error) = (Registry { call, table }).update(tenant, update).await {
        let code = error.code().name();
        tracing::warn!(code, "what was found of a tenant was not noted: {error}");
    }
}
