//! Suggests known words that are similar to a misspelled one.

/// Returns the words of `known` that are closest to a misspelled word, at most two. At most a third of each is wrong.
///
/// Upper case and the choice of `-` or `_` are not counted as mistakes. An additional or missing word, as in
/// `discovery_url` for `discovery`, counts as one.
pub fn closest(word: &str, known: impl IntoIterator<Item = &'static str>) -> Vec<&'static str> {
    let mut nearest = Vec::new();
    if word.is_empty() || word.len() > 64 {
        return nearest;
    }
    let word = word.to_ascii_lowercase().replace('-', "_");
    let mut least = usize::MAX;
    for name in known {
        let wrong = mistakes(&word, &name.replace('-', "_"));
        if wrong * 3 > name.len() || wrong > least {
            continue;
        }
        if wrong < least {
            least = wrong;
            nearest.clear();
        }
        nearest.push(name);
    }
    // If more than two words are equally close, none is a useful suggestion.
    if nearest.len() > 2 { Vec::new() } else { nearest }
}

/// Returns a suggestion for a misspelled word, ``did you mean `x`?``; `None` if no known word is close.
pub fn help(word: &str, known: impl IntoIterator<Item = &'static str>) -> Option<String> {
    question(&closest(word, known))
}

/// Formats a suggestion: ``did you mean `x`?``, ``did you mean `x` or `y`?``
pub fn question<T: AsRef<str>>(names: &[T]) -> Option<String> {
    let names: Vec<_> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    (!names.is_empty()).then(|| format!("did you mean {}?", names.join(" or ")))
}

/// Returns the words of `known` that are closest to `word` and differ from it in at most `most` letters.
pub fn closest_within(word: &str, most: usize, known: impl IntoIterator<Item = &'static str>) -> Vec<&'static str> {
    let is_as_long = |name: &&str| name.len().abs_diff(word.len()) <= most;
    let distances = known.into_iter().filter(is_as_long).map(|name| (distance(word.as_bytes(), name.as_bytes()), name));
    let near: Vec<_> = distances.filter(|(distance, _)| *distance <= most).collect();
    let least = near.iter().map(|(distance, _)| *distance).min();
    near.into_iter().filter(|(distance, _)| Some(*distance) == least).map(|(_, name)| name).collect()
}

/// Returns true if a word of `known` differs from `word` only in case and in at most a third of its letters.
pub fn is_close(word: &str, known: &[&str]) -> bool {
    let lower = word.to_ascii_lowercase();
    word.len() <= 64 && known.iter().any(|name| distance(lower.as_bytes(), name.as_bytes()) * 3 <= name.len())
}

fn mistakes(word: &str, name: &str) -> usize {
    let (short, long) = if word.len() < name.len() { (word, name) } else { (name, word) };
    let begins = long.strip_prefix(short).is_some_and(|rest| rest.starts_with('_'));
    let ends = long.strip_suffix(short).is_some_and(|rest| rest.ends_with('_'));
    if (begins || ends) && short.len() * 3 >= long.len() {
        return usize::from(long != short);
    }
    let longer = long.len() - short.len();
    if longer * 3 > name.len() {
        // The distance is at least the difference in length, which is already too large.
        return longer;
    }
    distance(word.as_bytes(), name.as_bytes())
}

/// Returns the number of inserted, deleted, replaced and swapped letters between two words.
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
    use super::{closest, help, is_close};

    const KNOWN: &[&str] = &["write_files", "hostname", "users", "coreos", "ssh_authorized_keys", "id"];
    const OPTIONS: &[&str] =
        &["discovery", "discovery_srv", "etcd", "etcd2", "try-restart", "advertise_client_urls", "listen_client_urls"];

    #[test]
    fn what_was_meant() {
        for (word, names) in [
            ("write_file", &["write_files"][..]),
            ("Hostname", &["hostname"]),
            ("user", &["users"]),
            ("ssh_authorised_keys", &["ssh_authorized_keys"]),
            ("sshAuthorizedKeys", &["ssh_authorized_keys"]),
            ("authorized-keys", &["ssh_authorized_keys"]),
            ("core_os", &["coreos"]),
            ("hots_name", &["hostname"]),
            ("usres", &["users"]),
            ("apt_update", &[]),
            ("keys", &[]),
            ("ip", &[]),
            ("", &[]),
            (&"write_files".repeat(9), &[]),
        ] {
            assert_eq!(closest(word, KNOWN.iter().copied()), names, "{word}");
        }
        for (word, names) in [
            ("discovery_url", &["discovery"][..]),
            ("etcd3", &["etcd", "etcd2"]),
            ("try_restart", &["try-restart"]),
            ("client_urls", &["advertise_client_urls", "listen_client_urls"]),
        ] {
            assert_eq!(closest(word, OPTIONS.iter().copied()), names, "{word}");
        }
        assert_eq!(closest("a", []), [""; 0]);
    }

    #[test]
    fn three_are_none() {
        assert_eq!(closest("abcx", ["abca", "abcb"]), ["abca", "abcb"]);
        assert_eq!(closest("abcx", ["abca", "abcb", "abcc"]), [""; 0]);
    }

    #[test]
    fn what_is_close_has_few_letters_wrong() {
        for (word, close) in [("Start", true), ("strat", true), ("start_x", false), ("start-now", false), ("", false)] {
            assert_eq!(is_close(word, &["start"]), close, "{word}");
        }
    }

    #[test]
    fn the_help_asks() {
        assert_eq!(help("user", KNOWN.iter().copied()).as_deref(), Some("did you mean `users`?"));
        assert_eq!(help("etcd3", OPTIONS.iter().copied()).as_deref(), Some("did you mean `etcd` or `etcd2`?"));
        assert_eq!(help("nothing", KNOWN.iter().copied()), None);
    }
}
