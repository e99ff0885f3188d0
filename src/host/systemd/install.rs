//! Checks that enabling a unit made all the links that its `[Install]` section asks for.

use std::collections::BTreeSet;
use std::io::Read as _;

use super::proxy::LinkChange;

/// The longest unit file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// The keys whose words are links.
const LINKS: [&str; 4] = ["Alias", "WantedBy", "RequiredBy", "UpheldBy"];

/// Returns true if every link that the unit files ask for was created. Also returns true if no link was created: then
/// the changes show nothing.
pub(super) fn is_complete(changes: &[LinkChange]) -> bool {
    let made: Vec<_> = changes.iter().filter(|(kind, ..)| kind == "symlink").collect();
    let files: BTreeSet<_> = made.iter().map(|(_, _, file)| file.as_str()).collect();
    let asked = |file: &&str| {
        let mut text = String::new();
        let file = std::fs::File::open(file).ok()?;
        file.take(LARGEST).read_to_string(&mut text).ok()?;
        links(&text)
    };
    let asked: Option<usize> = files.iter().map(asked).sum();
    made.is_empty() || asked.is_some_and(|asked| asked <= made.len())
}

/// Returns the number of links that the `[Install]` section of a unit file asks for; `None` if that is unknown, because
/// the section also enables other units or has a continued line.
fn links(text: &str) -> Option<usize> {
    let mut found = 0;
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[Install]";
        } else if inside && let Some((key, value)) = line.split_once('=') {
            match key.trim() {
                "Also" => return None,
                // The rest of the value is in the next line.
                _ if value.ends_with('\\') => return None,
                key if LINKS.contains(&key) => found += value.split_whitespace().count(),
                _ => {}
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_counted_as_systemd_reads_them() {
        for (text, wanted) in [
            ("[Service]\nExecStart=/bin/true\n", Some(0)),
            ("[Install]\nWantedBy=multi-user.target\n", Some(1)),
            (
                "[Unit]\nWantedBy=no\n[Install]\n# WantedBy=x\nWantedBy = a.target  b.target\nAlias=al.service\n",
                Some(3),
            ),
            ("[Install]\nRequiredBy=a.target\nAlso=other.service\n", None),
            ("[Install]\nWantedBy=a.target \\\n b.target\n", None),
        ] {
            assert_eq!(links(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn fewer_links_than_asked_for_are_not_all() {
        let unit = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&unit, "[Install]\nWantedBy=a.target\nAlias=al.service\n").unwrap();
        let file = unit.path().to_str().unwrap();
        let change = |kind: &str, link: &str| (kind.to_owned(), link.to_owned(), file.to_owned());
        let wants = change("symlink", "/etc/systemd/system/a.target.wants/x.service");
        let alias = change("symlink", "/etc/systemd/system/al.service");
        assert!(is_complete(&[]));
        assert!(is_complete(&[wants.clone(), alias.clone()]));
        assert!(!is_complete(std::slice::from_ref(&wants)));
        assert!(!is_complete(&[wants, change("unlink", "/etc/systemd/system/al.service")]));
        assert!(!is_complete(&[("symlink".to_owned(), "/x".to_owned(), "/nowhere".to_owned())]));
    }
}
