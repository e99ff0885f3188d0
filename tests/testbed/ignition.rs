//! Puts an Ignition configuration in place as Ignition does: once, before the first boot.
//!
//! It is as strict as Ignition: what that would refuse, such as an owner or a group that does not exist, fails the boot.
//! Units are enabled by presets, which systemd applies at a boot without a machine id.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// The presets of units that a configuration enables.
const PRESETS: &str = "/etc/systemd/system-preset/20-ignition.preset";
/// The last preset of an image, without which Debian enables every unit.
const LAST_PRESET: &str = "/usr/lib/systemd/system-preset/99-default.preset";

/// Applies configurations to the system in `root`, whose next boot is its first.
pub fn apply(root: &Path, configs: &[Value]) -> Result<(), String> {
    let mut presets = String::new();
    for config in configs {
        for user in list(config, "/passwd/users") {
            add_user(root, user)?;
        }
        let mut objects: Vec<_> = list(config, "/storage/files").chain(list(config, "/storage/links")).collect();
        objects.sort_by_key(|object| text(object, "path").matches('/').count());
        for object in objects {
            put(root, object)?;
        }
        for unit in list(config, "/systemd/units") {
            put_unit(root, unit)?;
            if unit["enabled"] == true {
                presets.extend(["enable ", text(unit, "name"), "\n"]);
            }
        }
    }
    write(&place(root, PRESETS)?, presets.as_bytes(), 0o644)?;
    write(&place(root, LAST_PRESET)?, b"disable *\n", 0o644)?;
    // It would ask for a locale and a password.
    remove(&place(root, "/etc/systemd/system/systemd-firstboot.service")?)?;
    link(&place(root, "/etc/systemd/system/systemd-firstboot.service")?, "/dev/null")?;
    remove(&place(root, "/etc/machine-id")?)
}

fn list<'a>(config: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    config.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().unwrap_or_default()
}

/// Creates an account, or changes an existing one.
fn add_user(root: &Path, user: &Value) -> Result<(), String> {
    let name = text(user, "name");
    let exists = id(root, "passwd", name).is_ok();
    let mut command = Command::new("chroot");
    command.arg(root).arg(if exists { "usermod" } else { "useradd" });
    match (user["passwordHash"].as_str(), exists) {
        (Some(hash), _) => _ = command.args(["--password", hash]),
        (None, false) => _ = command.args(["--password", "*"]),
        (None, true) => {}
    }
    for (key, flag) in
        [("gecos", "--comment"), ("homeDir", "--home-dir"), ("primaryGroup", "--gid"), ("shell", "--shell")]
    {
        if let Some(value) = user[key].as_str() {
            command.args([flag, value]);
        }
    }
    let groups: Vec<_> = list(user, "/groups").filter_map(Value::as_str).collect();
    if !groups.is_empty() {
        command.args(["--groups", &groups.join(",")]);
    }
    if !exists {
        command.arg(if user["noCreateHome"] == true { "--no-create-home" } else { "--create-home" });
        for (key, flag) in [("noUserGroup", "--no-user-group"), ("system", "--system"), ("noLogInit", "--no-log-init")]
        {
            if user[key] == true {
                command.arg(flag);
            }
        }
    }
    command.arg(name);
    // usermod with nothing to change fails.
    if !exists || command.get_args().count() > 3 {
        run(&mut command)?;
    }
    let keys: Vec<_> = list(user, "/sshAuthorizedKeys").filter_map(Value::as_str).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let fields = entry(root, "passwd", name)?;
    let number = |at: usize| fields.get(at).and_then(|field| field.parse().ok()).ok_or("a line of passwd is broken");
    let (uid, gid) = (number(2)?, number(3)?);
    let home = fields.get(5).cloned().unwrap_or_default();
    let file = place(root, &format!("{home}/.ssh/authorized_keys.d/ignition"))?;
    write(&file, (keys.join("\n") + "\n").as_bytes(), 0o600)?;
    for path in file.ancestors().take(3) {
        let mode = if path == file { 0o600 } else { 0o700 };
        chown(path, Some(uid), Some(gid)).map_err(|e| e.to_string())?;
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Writes a file or a link.
fn put(root: &Path, object: &Value) -> Result<(), String> {
    let path = text(object, "path");
    let target = place(root, path)?;
    if fs::symlink_metadata(&target).is_ok() && object["overwrite"] != true {
        return Err(format!("{path} is there already"));
    }
    remove(&target)?;
    if let Some(to) = object["target"].as_str() {
        return link(&target, to);
    }
    let mode = object["mode"].as_u64().and_then(|mode| u32::try_from(mode).ok()).unwrap_or(0o644);
    if mode & !0o777 != 0 {
        return Err(format!("{path}: version 3.4.0 has no mode {mode:04o}"));
    }
    write(&target, &contents(text(&object["contents"], "source"))?, mode)?;
    let owner = |key: &str, database: &str| match (&object[key]["id"], &object[key]["name"]) {
        (Value::Number(id), _) => id.as_u64().and_then(|id| u32::try_from(id).ok()).ok_or("not an id".to_owned()),
        (_, Value::String(name)) => id(root, database, name),
        _ => Ok(0),
    };
    let (user, group) = (owner("user", "passwd")?, owner("group", "group")?);
    chown(&target, Some(user), Some(group)).map_err(|e| format!("failed to chown {path}: {e}"))?;
    // A change of the owner may take bits away.
    fs::set_permissions(&target, PermissionsExt::from_mode(mode)).map_err(|e| format!("failed to chmod {path}: {e}"))
}

fn put_unit(root: &Path, unit: &Value) -> Result<(), String> {
    let path = format!("/etc/systemd/system/{}", text(unit, "name"));
    if let Some(contents) = unit["contents"].as_str() {
        let target = place(root, &path)?;
        remove(&target)?;
        write(&target, contents.as_bytes(), 0o644)?;
    }
    for drop_in in list(unit, "/dropins") {
        let target = place(root, &format!("{path}.d/{}", text(drop_in, "name")))?;
        write(&target, text(drop_in, "contents").as_bytes(), 0o644)?;
    }
    if unit["mask"] == true {
        let target = place(root, &path)?;
        remove(&target)?;
        link(&target, "/dev/null")?;
    }
    Ok(())
}

/// Returns the bytes of a `data:` URL.
pub fn contents(url: &str) -> Result<Vec<u8>, String> {
    if let Some(encoded) = url.strip_prefix("data:;base64,") {
        return BASE64_STANDARD.decode(encoded).map_err(|e| format!("not base64: {e}"));
    }
    let mut rest = url.strip_prefix("data:,").ok_or_else(|| format!("not a data URL: {url:.20}"))?.bytes();
    let mut bytes = Vec::new();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        bytes.push(match byte {
            b'%' => {
                let (high, low) = (hex(rest.next()), hex(rest.next()));
                high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok()).ok_or("not an escape")?
            }
            byte => byte,
        });
    }
    Ok(bytes)
}

/// Returns the place of `path` below `root`, with links in the middle followed and parents made.
fn place(root: &Path, path: &str) -> Result<PathBuf, String> {
    let path = Path::new(path);
    let mut place = root.to_owned();
    for component in path.parent().into_iter().flat_map(Path::components) {
        match component {
            Component::Normal(name) => place.push(name),
            Component::RootDir => continue,
            _ => return Err(format!("{} is not clean", path.display())),
        }
        while let Ok(target) = fs::read_link(&place) {
            place.pop();
            // An absolute target replaces the root of the host, too.
            place = target.strip_prefix("/").map_or_else(|_| place.join(&target), |rest| root.join(rest));
        }
        if !place.is_dir() {
            fs::create_dir(&place).map_err(|e| format!("failed to make {}: {e}", place.display()))?;
            fs::set_permissions(&place, PermissionsExt::from_mode(0o755)).map_err(|e| e.to_string())?;
        }
    }
    Ok(place.join(path.file_name().ok_or("a path without a name")?))
}

fn write(place: &Path, bytes: &[u8], mode: u32) -> Result<(), String> {
    let failed = |e| format!("failed to write {}: {e}", place.display());
    fs::write(place, bytes).map_err(failed)?;
    fs::set_permissions(place, PermissionsExt::from_mode(mode)).map_err(failed)
}

fn link(place: &Path, target: &str) -> Result<(), String> {
    symlink(target, place).map_err(|e| format!("failed to link {}: {e}", place.display()))
}

fn remove(place: &Path) -> Result<(), String> {
    let removed = match fs::symlink_metadata(place) {
        Err(_) => Ok(()),
        Ok(status) if status.is_dir() => fs::remove_dir_all(place),
        Ok(_) => fs::remove_file(place),
    };
    removed.map_err(|e| format!("failed to remove {}: {e}", place.display()))
}

/// The fields of a line of `passwd` or `group`.
fn entry(root: &Path, database: &str, name: &str) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(root.join("etc").join(database)).map_err(|e| e.to_string())?;
    let mut lines = text.lines().map(|line| line.split(':').map(str::to_owned).collect::<Vec<_>>());
    lines.find(|fields| fields[0] == name).ok_or_else(|| format!("no `{name}` in {database}"))
}

fn id(root: &Path, database: &str, name: &str) -> Result<u32, String> {
    let fields = entry(root, database, name)?;
    fields.get(2).and_then(|id| id.parse().ok()).ok_or_else(|| format!("`{name}` in {database} has no id"))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("failed to run {command:?}: {e}"))?;
    // The arguments may hold a hash.
    let errors = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{}: {errors}", output.status)) }
}
