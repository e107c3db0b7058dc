/// A tree with every kind of inode and attribute that can be made here.
enum TreeOfEverything {
    /// Makes the tree as the directory `name`.
    static func make(_ name: String, in scratch: Scratch) throws {
        let longName = String(repeating: "n", count: 255)
        try scratch.run(
            """
            mkdir '\(name)' && cd '\(name)'
            mkdir -p a/b/c empty 'with space'
            printf 'hello' > a/hello
            : > a/empty-file
            head -c 3000000 /dev/urandom > a/b/large
            printf 'one inode' > a/link-one; ln a/link-one a/b/link-two; ln a/link-one link-three
            ln -s ../nowhere a/dangling; ln -s a/hello short; ln -s "$(printf 'x%.0s' {1..1000})" long-target
            mkfifo a/fifo
            python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('a/socket')"
            truncate -s 10M sparse; printf data | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none
            truncate -s 1M all-hole
            printf x > '\(longName)'
            printf bytes > $'not-utf8-\\xff\\xfe'; printf nl > $'new\\nline'
            printf s > setuid; chmod 4755 setuid
            printf g > setgid; chmod 2755 setgid
            mkdir sticky; chmod 1777 sticky; mkdir setgid-dir; chmod 2750 setgid-dir
            printf secret > unreadable-mode; chmod 0000 unreadable-mode
            setfattr -n user.note -v 'a value' a/hello; setfattr -n user.empty -v '' a/b
            setfattr -n user.binary -v 0x00ff00 a/b/large
            setfacl -m u:1234:rw a/hello; setfacl -d -m u:1234:rwx a/b/c; printf inherited > a/b/c/inherited
            """)
        if Shell.isRoot {
            try scratch.run(
                """
                cd '\(name)'
                mknod null c 1 3; mknod loop b 7 300; mknod far c 300 70000
                chown 1000:1001 a/hello setuid; chmod 4755 setuid; chown -h 1000:1001 short
                setfattr -n trusted.secret -v hidden a/b; setfattr -h -n trusted.on-link -v x short
                printf p > capable
                setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 capable
                """)
        }
        try scratch.run(
            """
            cd '\(name)'
            find . -depth -exec touch -h -d '2001-02-03 04:05:06.123456789' {} +
            touch -d '1960-01-01 00:00:00.5 UTC' a/hello; touch -h -d '2030-01-01 00:00:00.000000001' short
            """)
    }
}
