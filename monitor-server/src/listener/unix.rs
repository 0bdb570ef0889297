//! A Unix socket: for its owner alone, taken over only from a server that died, removed at the end.
//!
//! The file at the path belongs to the socket that its device and inode name. Another server may replace it at any
//! time, were it only by hand; so the file is removed at the end only if it is still the same.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use super::BACKLOG;

/// Read and write for the user that the service runs as, the only one that may connect.
const MODE: u32 = 0o600;

/// Binds to the path; the file is to be held for as long as the socket. A socket that another process listens on is
/// taken, and a file of another kind is not the server's to remove; the socket of a server that died is replaced.
///
/// The socket is made beside the path, listens only when it has its mode, and is moved then: no other user can connect
/// under any umask, and between an old socket and the new one there is no time without any.
pub(super) fn bind(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    refuse_living(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let mut file = bind_beside(path, &socket)?;
    fs::set_permissions(&file.path, Permissions::from_mode(MODE))?;
    socket.set_nonblocking(true)?;
    socket.listen(BACKLOG)?;
    fs::rename(&file.path, path)?;
    path.clone_into(&mut file.path);
    Ok((socket.into(), file))
}

/// Binds in the same folder. The name is short: a socket's path may have a hundred bytes or so.
fn bind_beside(path: &Path, socket: &Socket) -> io::Result<SocketFile> {
    for attempt in 0..100 {
        let name = format!(".m{:x}.{attempt}", std::process::id());
        let path = path.with_file_name(name);
        match socket.bind(&SockAddr::unix(&path)?) {
            Ok(()) => return SocketFile::new(path),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn refuse_living(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        let reason = "there is a file at the path that is no socket";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
    }
    match knock(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        // As many wait as may: another process listens there that takes no connections.
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

/// Connects without waiting, which std cannot.
fn knock(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}

/// Device and inode, which stay the same when a file is moved.
fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// The file of a socket that the server listens on. It is removed when this goes, if it is still the server's.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn new(path: PathBuf) -> io::Result<Self> {
        let identity = identity(&fs::symlink_metadata(&path)?);
        Ok(Self { path, identity })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = |file: Metadata| identity(&file) == self.identity;
        if fs::symlink_metadata(&self.path).is_ok_and(is_ours) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream as StdStream;

    use super::*;
    use crate::test_folder::Folder;

    #[test]
    fn a_socket_is_its_owner_s_alone_and_removed_at_the_end() {
        let folder = Folder::new();
        let path = folder.0.join("socket");
        let bound = bind(&path).expect("bound");
        let mode = fs::symlink_metadata(&path).expect("there").mode();
        assert_eq!(mode & 0o777, MODE);
        StdStream::connect(&path).expect("it listens");
        assert_eq!(folder.names(), ["socket"]);
        drop(bound);
        assert_eq!(folder.names(), Vec::<String>::new());
    }

    #[test]
    fn only_a_dead_socket_is_taken_over() {
        let folder = Folder::new();
        let path = folder.0.join("socket");
        let kind = |path: &Path| bind(path).map(drop).expect_err("refused").kind();
        let living = bind(&path).expect("bound");
        assert_eq!(kind(&path), io::ErrorKind::AddrInUse);
        StdStream::connect(&path).expect("the first still listens");
        drop(living);
        // Dead: its file is there, and nobody listens.
        drop(UnixListener::bind(&path).expect("bound"));
        assert_eq!(folder.names(), ["socket"]);
        let next = bind(&path).expect("taken over");
        StdStream::connect(&path).expect("it listens");
        drop(next);

        fs::write(&path, "a letter").expect("written");
        assert_eq!(kind(&path), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).expect("still there"), b"a letter");
        assert_eq!(kind(&folder.0), io::ErrorKind::AlreadyExists);
        assert_eq!(
            kind(Path::new("/nonexistent/socket")),
            io::ErrorKind::NotFound
        );
        assert_eq!(folder.names(), ["socket"]);
    }

    #[test]
    fn a_socket_whose_owner_takes_no_connections_is_refused_at_once() {
        let folder = Folder::new();
        let path = folder.0.join("socket");
        let wedged = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        let address = SockAddr::unix(&path).expect("a short path");
        wedged.bind(&address).expect("a free path");
        wedged.listen(0).expect("it listens");
        let waiting = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        waiting
            .connect(&address)
            .expect("the only one that may wait");
        let refused = bind(&path).expect_err("somebody lives there");
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(folder.names(), ["socket"]);
    }

    #[test]
    fn what_another_has_put_there_meanwhile_is_left() {
        let folder = Folder::new();
        let path = folder.0.join("socket");
        let bound = bind(&path).expect("bound");
        fs::remove_file(&path).expect("ours");
        let other = UnixListener::bind(&path).expect("another's");
        drop(bound);
        StdStream::connect(&path).expect("the other still listens");
        drop(other);
    }
}
