//! Root that fetches into somebody else's Maildir becomes that user before anything in it is touched: the owner can
//! put links and FIFOs there, and root would create, remove and move files of the owner's choice.
//!
//! The password and the files of the TLS settings are read before, with root's rights.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Component, Path, PathBuf},
};

use rustix::process::geteuid;
use tracing::info;

use super::exit::{Exit, Failure};

/// Links that are followed on the way to a Maildir, as the system does.
const MAX_LINKS: usize = 40;

/// Becomes the owner of the Maildir, or of the directory that it will be created in. Nothing happens when this
/// process is not root, or everything on the way to the Maildir belongs to root.
///
/// # Errors
///
/// [`Exit::CannotStore`] when other users than one own directories on the way.
pub(super) fn become_owner(maildir: &Path) -> Result<(), Failure> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let refused = |error: io::Error| {
        Failure::new(
            Exit::CannotStore,
            format_args!(
                "root does not fetch into {}: {error}; run pop3-client as the owner of the Maildir, as in `runuser -u \
                 USER -- pop3-client ...`; nothing was fetched",
                maildir.display()
            ),
        )
    };
    let Some(uid) = owner_on_the_way(maildir).map_err(refused)? else {
        return all_of_root(maildir).map_err(refused);
    };
    let users = fs::read_to_string("/etc/passwd").map_err(refused)?;
    let Some(Owner { name, gid }) = owner(&users, uid) else {
        let error = format!("it belongs to the user id {uid}, which is not in /etc/passwd");
        return Err(refused(io::Error::other(error)));
    };
    change_to(uid, gid).map_err(refused)?;
    info!("the Maildir belongs to {name}: running as {name} from here on");
    Ok(())
}

/// The one user who owns what root does not own on the way to a Maildir; `None` where root owns everything, and nobody
/// else can put something else in its place.
///
/// The first owner of a directory or link who is not root can choose what everything after it is.
fn owner_on_the_way(path: &Path) -> io::Result<Option<u32>> {
    let mut rest: Vec<PathBuf> = Vec::new();
    let path = std::path::absolute(path)?;
    push(&mut rest, &path);
    let (mut place, mut owner, mut links) = (PathBuf::new(), None, 0);
    // A directory of root's in which others may make, or exchange, what comes next on the way.
    let mut open: Option<PathBuf> = None;
    let mut above = Writers::Root;
    while let Some(component) = rest.pop() {
        if component == Path::new("..") {
            place.pop();
            continue;
        }
        place.push(&component);
        let metadata = match fs::symlink_metadata(&place) {
            Ok(metadata) => metadata,
            // What is not there yet will belong to the owner of what is.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if above != Writers::Root {
                    open = place.parent().map(Path::to_owned);
                }
                break;
            }
            Err(error) => return Err(error),
        };
        match (owner, metadata.uid()) {
            // Below another owner's directories, what belongs to root is closed to that owner.
            (_, 0) => {}
            (None, _) if above == Writers::All => {
                return Err(open_to_others(place.parent().unwrap_or(&place)));
            }
            (None, uid) => owner = Some(uid),
            (Some(owner), uid) if owner == uid => {}
            (Some(owner), uid) => {
                return Err(io::Error::other(format!(
                    "{} belongs to the user id {uid}, and a directory or link above it to {owner}",
                    place.display()
                )));
            }
        }
        if above == Writers::Group && open.is_none() {
            open = place.parent().map(Path::to_owned);
        }
        above = Writers::of(&metadata);
        if metadata.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err(io::Error::other("too many symbolic links"));
            }
            let target = fs::read_link(&place)?;
            place.pop();
            push(&mut rest, &target);
            if target.is_absolute() {
                place.clear();
            }
            above = Writers::Root;
        } else if above == Writers::Anybody && owner.is_none() {
            return Err(open_to_others(&place));
        } else if rest.is_empty() && above != Writers::Root {
            open = Some(place.clone());
        }
    }
    match (owner, open) {
        (None, Some(open)) => Err(open_to_others(&open)),
        (owner, _) => Ok(owner),
    }
}

fn open_to_others(directory: &Path) -> io::Error {
    io::Error::other(format!("others than root may write in {}", directory.display()))
}

/// Who besides its owner may change the names in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writers {
    Root,
    /// A group, any name.
    Group,
    /// Everybody, and only names of their own: the directory is sticky.
    All,
    /// Everybody, any name.
    Anybody,
}

impl Writers {
    fn of(metadata: &fs::Metadata) -> Self {
        const OTHERS: u32 = 0o002;
        const GROUP: u32 = 0o020;
        const STICKY: u32 = 0o1000;
        let is_sticky = metadata.mode() & STICKY != 0;
        match metadata.mode() {
            _ if !metadata.is_dir() => Self::Root,
            mode if mode & OTHERS != 0 => {
                if is_sticky {
                    Self::All
                } else {
                    Self::Anybody
                }
            }
            mode if mode & GROUP != 0 && metadata.gid() != 0 => {
                if is_sticky {
                    Self::All
                } else {
                    Self::Group
                }
            }
            _ => Self::Root,
        }
    }
}

/// Whether the directories in a Maildir of root's are root's too. Messages belong to the owner of the directory that they
/// are stored in.
fn all_of_root(maildir: &Path) -> io::Result<()> {
    for folder in ["tmp", "new", "cur", "pop3-client"] {
        let path = maildir.join(folder);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.uid() != 0 => {
                return Err(io::Error::other(format!(
                    "{} belongs to the user id {}",
                    path.display(),
                    metadata.uid()
                )));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Adds the components of a path, the first one last.
fn push(rest: &mut Vec<PathBuf>, path: &Path) {
    let components = path.components().filter(|component| *component != Component::CurDir);
    rest.extend(components.map(|component| PathBuf::from(component.as_os_str())).rev());
}

struct Owner {
    name: String,
    gid: u32,
}

/// Looks for a user in the text of /etc/passwd.
fn owner(users: &str, uid: u32) -> Option<Owner> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let mut numbers = fields.skip(1).map(str::parse);
        let is_it = numbers.next()? == Ok(uid);
        let gid = numbers.next()?.ok()?;
        is_it.then(|| Owner { name: name.to_owned(), gid })
    })
}

/// Gives up root's rights for good.
#[cfg(target_os = "linux")]
fn change_to(uid: u32, gid: u32) -> io::Result<()> {
    use rustix::{
        process::{Gid, Uid, getegid},
        thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
    };
    // The system calls change one thread, and the others would stay root.
    let threads = fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads != 1 {
        return Err(io::Error::other("cannot change the user while other threads run"));
    }
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    set_thread_groups(&[])?;
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)?;
    match geteuid() == uid && getegid() == gid && set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).is_err()
    {
        true => Ok(()),
        false => Err(io::Error::other("the system did not change the user")),
    }
}

#[cfg(not(target_os = "linux"))]
fn change_to(_: u32, _: u32) -> io::Result<()> {
    Err(io::Error::other("the Maildir belongs to another user"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    #[test]
    fn users_are_found_by_their_id() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\n:::\nbob:x:1000:100:Bob,,,:/home/bob:/bin/sh\n";
        let bob = owner(users, 1000).unwrap();
        assert_eq!((bob.name.as_str(), bob.gid), ("bob", 100));
        assert!(owner(users, 100).is_none());
    }

    // Conformance: A-89
    #[test]
    fn the_first_who_is_not_root_owns_the_way() {
        if !geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        let owner = |path: &str| owner_on_the_way(&at(path));
        for (path, uid) in [("root", 0), ("bob", 1000), ("bob/mail", 1000), ("eve", 1001), ("eve/root", 0)] {
            fs::create_dir(at(path)).unwrap();
            chown(at(path), Some(uid), Some(uid)).unwrap();
        }
        assert_eq!(owner("root/mail").unwrap(), None);
        assert_eq!(owner("bob/mail").unwrap(), Some(1000));
        assert_eq!(owner("bob/mail/not/yet").unwrap(), Some(1000));
        assert_eq!(owner("root/../bob/./mail").unwrap(), Some(1000));
        // A link of root's leads wherever root likes; a link of somebody else's only to what is theirs.
        symlink("bob/mail", at("link")).unwrap();
        assert_eq!(owner("link").unwrap(), Some(1000));
        let links = [("eve/link", at("bob/mail")), ("eve/relative", "../bob".into()), ("eve/up", at("root"))];
        for (name, target) in links {
            symlink(target, at(name)).unwrap();
            std::os::unix::fs::lchown(at(name), Some(1001), Some(1001)).unwrap();
        }
        for name in ["eve/link", "eve/relative"] {
            let error = owner(name).unwrap_err().to_string();
            assert!(error.contains("belongs to the user id 1000"), "{error}");
        }
        assert_eq!(owner("eve/up/mail").unwrap(), Some(1001));
        assert_eq!(owner("eve/root").unwrap(), Some(1001));
        symlink("loop", at("loop")).unwrap();
        assert!(owner("loop").unwrap_err().to_string().contains("symbolic links"));
        fs::create_dir(at("open")).unwrap();
        fs::set_permissions(at("open"), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let may_write =
            |path: &str| owner(path).unwrap_err().to_string().contains("others than root may write in");
        assert!(may_write("open/mail") && may_write("open"));
        // Sticky: what is root's stays, what is not there may become anybody's, and what is somebody's may be for that.
        let with = |name: &str, mode: u32, gid: u32| {
            fs::create_dir(at(name)).unwrap();
            chown(at(name), Some(0), Some(gid)).unwrap();
            fs::set_permissions(at(name), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        };
        with("sticky", 0o1777, 0);
        with("sticky/root", 0o755, 0);
        with("sticky/bob", 0o755, 0);
        chown(at("sticky/bob"), Some(1000), Some(1000)).unwrap();
        assert_eq!(owner("sticky/root").unwrap(), None);
        assert_eq!(owner("sticky/root/mail").unwrap(), None);
        assert!(may_write("sticky") && may_write("sticky/mail") && may_write("sticky/bob"));
        // A group may exchange what is in its directory, and gains nothing where its user is who writes.
        with("group", 0o775, 1000);
        with("group/root", 0o755, 0);
        with("group/bob", 0o755, 0);
        chown(at("group/bob"), Some(1000), Some(1000)).unwrap();
        assert!(
            may_write("group")
                && may_write("group/root")
                && may_write("group/root/mail")
                && may_write("group/mail")
        );
        assert_eq!(owner("group/bob/mail").unwrap(), Some(1000));
    }
}
