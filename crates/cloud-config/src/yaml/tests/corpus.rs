//! Configurations as people wrote them.

use std::path::Path;

use super::document;
use crate::config::CloudConfig;
use crate::yaml::read;

/// Nothing that people wrote may do worse than be refused.
#[test]
fn what_people_wrote_is_read() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let mut files = 0;
    for folder in ["oem", "user", "other"] {
        let Ok(entries) = corpus.join(folder).read_dir() else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let document = document(&text);
            let (_, findings) = read::<CloudConfig>(&document);
            for finding in document.findings.iter().chain(&findings).chain(&document.error) {
                let span = finding.span.unwrap();
                assert!(text.get(span.start..span.end).is_some(), "{}: {finding:?}", path.display());
                let _ = document.path_at(span);
            }
            files += 1;
        }
    }
    if files == 0 {
        eprintln!("skipped: no configurations in {}", corpus.display());
    }
}
