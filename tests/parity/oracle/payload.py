"""Files that both sides find, for options that want one."""

FILES = {
    'payload.bin': 'hello streaming body\n',
    # An archive with one stored file, for options that insist on one.
    'payload.zip': {'b64': 'UEsDBBQAAAAAAAAAIQCGphA2BQAAAAUAAAABAAAAYWhlbGxvUEsBAhQDFAAAAAAAAAAhAIamEDYF'
                           'AAAABQAAAAEAAAAAAAAAAAAAAIABAAAAAGFQSwUGAAAAAAEAAQAvAAAAJAAAAAAA'},
}
