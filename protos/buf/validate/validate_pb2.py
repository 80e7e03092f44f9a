"""The module that generated code imports for validation rules, built from the descriptor that protovalidate carries.

protovalidate's wheel holds the compiled descriptor of `buf/validate/validate.proto`, but no `_pb2` module of it.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, field_mask_pb2, timestamp_pb2
from google.protobuf.internal import builder
from protovalidate._gen.buf.validate import validate_pb

# Imported for their effect: the pool must know what the file depends on.
_ = (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2)

DESCRIPTOR = descriptor_pool.Default().AddSerializedFile(validate_pb._DESC.proto.to_binary())
builder.BuildMessageAndEnumDescriptors(DESCRIPTOR, globals())
builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, "buf.validate.validate_pb2", globals())
