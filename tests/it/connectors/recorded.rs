//! Every file of `../shared/payloads` is read: by the parser that reads the platform's answers, or by the way in for what
//! platforms send. What each file holds is counted a second time here, from the bare JSON. Where the files are not, there is
//! nothing to compare with.
mod shopify;
mod slack;

use super::{
    activecampaign, ga4, google_ads, klaviyo, linkedin_ads, meta_ads, microsoft_ads, plausible, snapchat_ads,
    stripe, tiktok_ads,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file: where it lies below its vendor's folder, and its bytes.
pub struct Recorded {
    pub name: String,
    pub body: Vec<u8>,
}

impl Recorded {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Lines of `{"stream": …, "data": …}`, as another connector wrote them.
    pub fn lines(&self) -> Vec<(String, Value)> {
        let text = std::str::from_utf8(&self.body).unwrap();
        let line = |line: &str| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            (line["stream"].as_str().unwrap().to_owned(), line["data"].take())
        };
        text.lines().filter(|line| !line.trim().is_empty()).map(line).collect()
    }
}

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/payloads");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no recorded payloads at {}", folder.display());
    None
}

fn below(folder: &Path, top: &Path, found: &mut Vec<Recorded>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            below(&path, top, found);
        } else {
            let name = path.strip_prefix(top).unwrap().to_string_lossy().into_owned();
            found.push(Recorded { name, body: std::fs::read(&path).unwrap() });
        }
    }
}

/// All files by vendor.
fn all() -> Option<BTreeMap<String, Vec<Recorded>>> {
    let mut vendors = BTreeMap::new();
    for entry in std::fs::read_dir(folder()?).unwrap() {
        let path = entry.unwrap().path();
        let mut found = Vec::new();
        below(&path, &path, &mut found);
        found.sort_by(|a, b| a.name.cmp(&b.name));
        vendors.insert(path.file_name().unwrap().to_string_lossy().into_owned(), found);
    }
    Some(vendors)
}

/// Reads one file of a vendor: how many things of it were read or knowingly left alone. Nothing for a file without a reader.
type Reader = fn(&Recorded, &[Recorded]) -> Option<usize>;

const READERS: [(&str, Reader); 13] = [
    ("activecampaign", |file, _| activecampaign::recorded(file)),
    ("ga4", |file, _| ga4::recorded(file)),
    ("google_ads", |file, _| google_ads::recorded(file)),
    ("klaviyo", |file, _| klaviyo::recorded(file)),
    ("linkedin", |file, _| linkedin_ads::recorded(file)),
    ("meta", |file, _| meta_ads::recorded(file)),
    ("microsoft_ads", |file, _| microsoft_ads::recorded(file)),
    ("plausible", plausible::recorded),
    ("shopify", |file, _| shopify::recorded(file)),
    ("slack", slack::recorded),
    ("snapchat", |file, _| snapchat_ads::recorded(file)),
    ("stripe", |file, _| stripe::recorded(file)),
    ("tiktok", |file, _| tiktok_ads::recorded(file)),
];

#[test]
fn every_recorded_payload_is_read() {
    let Some(vendors) = all() else { return };
    let (mut files, mut unread) = (0, Vec::new());
    for (vendor, recorded) in &vendors {
        let reader = READERS.iter().find(|(name, _)| name == vendor).map(|(_, reader)| reader);
        let mut things = 0;
        for file in recorded {
            files += 1;
            match reader.and_then(|reader| reader(file, recorded)) {
                Some(count) => things += count,
                None => unread.push(format!("{vendor}/{}", file.name)),
            }
        }
        eprintln!("{vendor}: {things} things in {} files", recorded.len());
    }
    assert!(unread.is_empty(), "{files} files, and no reader for {unread:#?}");
}
