//! The allowed differences from the reference, with reasons.

/// Differences of one kind, for one reason.
pub struct Row {
    /// The reason's id in `docs/compatibility.md`.
    pub id: &'static str,
    /// The names of the outcomes, as a regular expression.
    pub configs: &'static str,
    /// A regular expression for the whole subject of the difference.
    pub subject: &'static str,
    /// A regular expression for the whole result of this program.
    pub ours: &'static str,
    /// The reason.
    pub reason: &'static str,
}

/// All of them. Each is needed, or it would not be here: the tier fails when one is not.
pub const ROWS: &[Row] = &[
    Row {
        id: "job-failure-fails",
        configs: ".*",
        subject: "exit code",
        ours: r"1(\nfailed to (re)?start [^\n ]+: (failed|a unit that it requires failed)( \([^\n]*\))?(; see journalctl -u [^\n ]+)?)+",
        reason: "a boot that did not do what it was told must not look like one that did",
    },
    Row {
        id: "wrong-type",
        configs: "user-coreos-coreos-kubernetes--cluster-vagrant-worker-.*",
        subject: "exit code",
        ours: r"1\n.* \[wrong-type\][^\n]*\nfailed to start bootstrap\.service: failed [^\n]*",
        reason: "a template that was not rendered is reported and not applied",
    },
    Row {
        id: "invalid-keys-left-out",
        configs: "user-(666antkrist|Cloudxtreme|coreos-docs--os-migrating-to-clcs.md-L256-).*",
        subject: r"file /home/[a-z]+/\.ssh/authorized_keys(\.d/coreos-cloudinit)?",
        ours: "missing",
        reason: "the only key is none: there is nobody whom the files would let in",
    },
    Row {
        id: "invalid-keys-left-out",
        configs: "user-(666antkrist|Cloudxtreme|coreos-docs--os-migrating-to-clcs.md-L256-).*",
        subject: "exit code",
        ours: r"1\nuser [a-z]+: no valid SSH key in `ssh_authorized_keys`; SSH keys not set [^\n]* \[no-valid-key\] at [^\n]*",
        reason: "a user without a valid key cannot log in",
    },
    Row {
        id: "bad-hostname-not-set",
        configs: "user-StefanWallin-.*",
        subject: "host name|(mode|text) /etc/hostname|file /etc/machine-info",
        ours: r"bed\n?|0o[0-7]+|missing",
        reason: "a machine that is called something else than its configuration says is hard to find",
    },
    Row {
        id: "bad-hostname-not-set",
        configs: "user-StefanWallin-.*",
        subject: "exit code",
        ours: r"1\nfailed to set the host name [^\n]*",
        reason: "what is not done is said",
    },
    Row {
        id: "etc-hosts-kept",
        configs: "user-Capgemini-.*",
        subject: "text /etc/hosts",
        ours: r"127\.0\.0\.1 localhost\n127\.0\.0\.1 bed # [^\n]*\n::1 localhost\n",
        reason: "programs that look up localhost broke",
    },
    Row {
        id: "systemd-escapes",
        configs: "user-metral-.*",
        subject: r"text /run/systemd/system/etcd\.service\.d/20-cloudinit\.conf",
        ours: r#"Environment="[^\n]*%%discovery%%[^\n]*"\n"#,
        reason: "systemd drops or changes what stands behind a percent sign",
    },
];
