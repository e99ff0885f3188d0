//! The word that was probably meant.

/// The one of `known` that a misspelt word is closest to: at most a third of it is wrong.
pub fn of(key: &str, known: &[&'static str]) -> Option<&'static str> {
    if key.len() > 64 {
        return None;
    }
    let key = key.to_ascii_lowercase();
    let distances = known.iter().map(|name| (distance(key.as_bytes(), name.as_bytes()), *name));
    let (wrong, name) = distances.min()?;
    (wrong * 3 <= name.len()).then_some(name)
}

/// How many letters have to be put in, left out, replaced or swapped to come from one to the other.
fn distance(from: &[u8], to: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = row[j] + usize::from(a != b);
            let mut least = replaced.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && *b == from[i - 1] {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::of;

    const KNOWN: &[&str] = &["write_files", "hostname", "users", "coreos", "ssh_authorized_keys", "id"];

    #[test]
    fn what_was_meant() {
        for (key, name) in [
            ("write_file", Some("write_files")),
            ("Hostname", Some("hostname")),
            ("user", Some("users")),
            ("ssh_authorised_keys", Some("ssh_authorized_keys")),
            ("core_os", Some("coreos")),
            ("apt_update", None),
            ("hots_name", Some("hostname")),
            ("usres", Some("users")),
            ("ip", None),
            ("", None),
        ] {
            assert_eq!(of(key, KNOWN), name, "{key}");
        }
        assert_eq!(of("a", &[]), None);
    }
}
