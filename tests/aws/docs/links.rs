//! Where the pages lead.

use std::path::{Component, Path, PathBuf};

use super::pages::{self, Page};
use crate::checkout;

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_exist() {
    let mut broken = Vec::new();
    let pages = pages::all();
    for page in &pages {
        for link in &page.links {
            if !link.contains("://") && !link.starts_with("mailto:") && !leads_somewhere(page, link)
            {
                broken.push(format!("{}: {link}", page.name));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_page_is_in_the_index() {
    let index = pages::read("docs/README.md".to_owned());
    for page in pages::all() {
        if let Some(name) = page.name.strip_prefix("docs/") {
            let listed = index
                .links
                .iter()
                .any(|link| link.split('#').next() == Some(name));
            assert!(
                listed || name == "README.md",
                "docs/README.md leads nobody to {name}"
            );
        }
    }
}

fn leads_somewhere(page: &Page, link: &str) -> bool {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    if file.is_empty() {
        return page.anchors.contains(anchor);
    }
    let folder = Path::new(&page.name).parent().unwrap_or(Path::new(""));
    let target = plain(&folder.join(file));
    if !checkout("").join(&target).exists() {
        return false;
    }
    let target = target.to_str().expect("plain names").to_owned();
    anchor.is_empty() || pages::read(target).anchors.contains(anchor)
}

/// The path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}
