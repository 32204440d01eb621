//! Where merged incidents went: each leads to the next, and what was not delivered of them follows.

use std::collections::HashSet;

use super::{Gathering, is_passed_over};
use crate::{
    call::Object,
    collect::{event::Change, update::Update},
    error::Result,
};

/// An incident that a merged one went into, and what of it is missing.
pub type Following = (Update, Change, Option<&'static str>);

impl Gathering<'_, '_> {
    /// The incident that this one was merged into, and on to where that went: what of it was not delivered yet.
    pub(super) async fn follow(
        &mut self,
        merged: &Update,
        found: &mut Vec<Following>,
    ) -> Result<()> {
        let mut passed = HashSet::from([merged.id.clone()]);
        let mut next = merged.target.clone();
        while let Some(id) = next.take().filter(|id| passed.insert(id.clone())) {
            let mut incomplete = None;
            let mut got = self.target(&id, self.source.expand_alerts).await;
            if self.source.expand_alerts && got.is_err() {
                incomplete = Some("alerts");
                got = self.target(&id, false).await;
            }
            let target = match got {
                Ok(target) => target,
                Err(error) if is_passed_over(error.code()) => {
                    self.run.incomplete.push((id, error));
                    break;
                }
                Err(error) => return Err(error),
            };
            let memories = self.memories.get(&[&target.id]).await?;
            let memory = memories.get(&target.id).copied();
            if let Some((target, change)) = self.judge(target, memory) {
                next = target.target.clone().filter(|_| change == Change::Merged);
                found.push((target, change, incomplete));
            }
        }
        Ok(())
    }

    async fn target(&self, id: &str, expand: bool) -> Result<Update> {
        let query: &[_] = match expand {
            true => &[("$expand", "alerts")],
            false => &[],
        };
        let Object(item) = self.run.asking.get(&["incidents", id], query).await?;
        Update::read(self.source.kind, item)
    }
}
