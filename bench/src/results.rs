//! What a run leaves: tables and targets as Markdown, all figures as JSON, a plot as SVG and PNG.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::contestants::LeftOut;
use crate::machine::Machine;
use crate::plot;
use crate::table::Section;
use crate::targets::{self, Target};

/// A run.
#[derive(Serialize)]
pub struct Results {
    pub machine: Machine,
    /// How it was made, in words.
    pub settings: String,
    /// In milliseconds; 0: the upstream is on this machine.
    pub round_trip: f64,
    /// Who could not take part, and why.
    pub left_out: Vec<LeftOut>,
    /// Who takes no part in which jobs, and why not, in words.
    pub skips: Vec<String>,
    /// What went wrong, in a few words each.
    pub failures: Vec<String>,
    pub targets: Vec<Target>,
    pub sections: Vec<Section>,
}

impl Results {
    /// All of it to read.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# The bench\n\n{}\n\n{}\n",
            self.machine.line(),
            self.settings
        );
        for LeftOut { contestant, why } in &self.left_out {
            let _ = writeln!(text, "\n{contestant} was left out: {why}.");
        }
        for skips in &self.skips {
            let _ = writeln!(text, "\n{skips}");
        }
        for failure in &self.failures {
            let _ = writeln!(text, "\n**Failed**: {failure}");
        }
        for section in &self.sections {
            let _ = write!(text, "\n{}", section.table(self.round_trip));
        }
        if !self.targets.is_empty() {
            let _ = write!(text, "\n{}", targets::list(&self.targets));
        }
        text
    }

    /// Writes the files into a folder.
    pub fn write(&self, folder: &Path, stem: &str) -> Result<(), Box<dyn Error>> {
        fs::create_dir_all(folder)?;
        let file = |extension: &str| folder.join(format!("{stem}.{extension}"));
        fs::write(file("md"), self.markdown())?;
        fs::write(file("json"), serde_json::to_string_pretty(self)? + "\n")?;
        let drawing = plot::draw(
            &self.sections,
            &[self.machine.line(), self.settings.clone()],
        );
        fs::write(file("svg"), drawing.svg())?;
        fs::write(file("png"), drawing.png()?)?;
        Ok(())
    }
}
