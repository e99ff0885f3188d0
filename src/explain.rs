//! `--explain`: prints the section of a rule from `docs/findings.md`.

/// The page of all rules, one section for each.
const PAGE: &str = include_str!("../docs/findings.md");

/// Returns the section of the rule `id` in Markdown, with the ID as its heading; `None` for an unknown rule.
pub fn rule(id: &str) -> Option<String> {
    let heading = format!("\n### `{id}`\n");
    let (_, section) = PAGE.split_once(&heading)?;
    let end = ["\n### ", "\n## "].into_iter().filter_map(|next| section.find(next)).min().unwrap_or(section.len());
    Some(format!("{id}\n\n{}\n", without_links(section[..end].trim())))
}

/// Extracts the rule ID from `text`, which may have the form of the output of findings: `[ID]` or `error[ID]`.
pub fn id(text: &str) -> &str {
    text.strip_suffix(']').and_then(|text| text.split_once('[')).map_or(text, |(_, id)| id)
}

/// Replaces each Markdown link with its text. The targets are files of the repository, which a user does not have.
fn without_links(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let (Some(open), Some((_, next))) = (before.rfind('['), after.split_once(')')) else { break };
        out.push_str(&before[..open]);
        out.push_str(&before[open + 1..]);
        rest = next;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use cloud_config::diagnostic::rules;

    use super::{rule, without_links};

    #[test]
    fn every_rule_is_explained() {
        for known in rules::ALL {
            let text = rule(known.id).unwrap_or_else(|| panic!("{} has no section", known.id));
            assert!(text.starts_with(&format!("{}\n\n**{}**: ", known.id, known.severity.as_str())), "{text}");
            assert!(!text.contains("\n#") || text.contains("```"), "{} goes on into another section: {text}", known.id);
            assert!(!text.contains("]("), "{}: {text}", known.id);
        }
        assert_eq!(rule("no-such-rule"), None);
        assert_eq!(rule("unknown-key`\n"), None);
    }

    #[test]
    fn links_lose_their_targets() {
        assert_eq!(without_links("see [the page](a.md#b), and [c](d)."), "see the page, and c.");
        assert_eq!(without_links("`[Unit]` and `a](`"), "`[Unit]` and `a](`");
    }
}
