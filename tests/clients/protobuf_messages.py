"""The Java client's messages, from their published numbers, for Google's own encoder."""
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "com.aliyun.ha3engine.async.models.protobuf"

# name=number, a type, and * for repeated. A type in capitals is a message; <> is map<string, string>.
MESSAGES = {
    "SparseData": "count=1 uint32*, indices=2 uint32*, values=3 float*",
    "VectorSearchQuery":
        "vector=1 float*, vectorCount=2 uint32, topK=3 uint32, namespace=4 string, searchParams=5 string, "
        "scoreThreshold=6 float, content=7 string, modal=8 string, indexName=9 string, tableName=10 string, "
        "filter=11 string, includeVector=12 bool, outputFields=13 string*, order=14 string, weight=16 float, "
        "sort=17 string, sparseData=20 SparseData, timeout=21 int32, kvpairs=22 <>",
    "VectorSearchQueries":
        "tableName=1 string, queries=10 VectorSearchQuery*, filter=11 string, includeVector=12 bool, "
        "outputFields=13 string*, order=14 string, topK=15 uint32, sort=16 string, timeout=18 int32",
    "TextSearchQuery": "queryString=1 string, queryParams=2 <>, filter=3 string, weight=4 float, terminateAfter=5 uint32",
    "Rrf": "rankConstant=1 uint32",
    "RankQuery": "rrf=1 Rrf",
    "HybridSearchQuery":
        "tableName=1 string, knn=2 VectorSearchQuery, text=3 TextSearchQuery, size=4 uint32, from=5 uint32, "
        "outputFields=6 string*, order=7 string, rank=8 RankQuery, timeout=9 int32",
    "FetchQuery":
        "tableName=1 string, ids=2 string*, filter=4 string, sort=5 string, order=6 string, offset=7 uint32, "
        "limit=8 uint32, outputFields=10 string*, includeVector=11 bool, timeout=12 int32",
    "AggFuncDesc": "name=1 string, func=2 string, args=3 string*",
    "OrderByDesc": "field=1 string, direction=2 string",
    "AggregateQuery":
        "tableName=1 string, filter=2 string, limit=3 uint32, groupKeys=4 string*, aggFuncs=5 AggFuncDesc*, "
        "orderBy=6 OrderByDesc*, timeout=7 int32",
    "StatsQuery": "tableName=1 string",
}
DEFAULTS = {("FetchQuery", "includeVector"): "true"}


def _file(packed):
    """proto2, where repeated numbers are packed only on request."""
    proto = descriptor_pb2.FileDescriptorProto(name=f"vector_{packed}.proto", package=PACKAGE + (".packed" if packed else ""),
                                               syntax="proto2")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in MESSAGES.items():
        message = proto.message_type.add(name=name)
        for field in fields.split(", "):
            label, kind = field.split()
            label, number = label.split("=")
            repeated, kind = kind.endswith("*"), kind.removesuffix("*")
            made = message.field.add(name=label, number=int(number),
                                     label=kinds.LABEL_REPEATED if repeated or kind == "<>" else kinds.LABEL_OPTIONAL)
            if kind == "<>":
                entry = label[0].upper() + label[1:] + "Entry"
                made.type, made.type_name = kinds.TYPE_MESSAGE, f".{proto.package}.{name}.{entry}"
                pair = message.nested_type.add(name=entry)
                pair.options.map_entry = True
                for i, part in enumerate(("key", "value"), 1):
                    pair.field.add(name=part, number=i, label=kinds.LABEL_OPTIONAL, type=kinds.TYPE_STRING)
            elif kind[0].isupper():
                made.type, made.type_name = kinds.TYPE_MESSAGE, f".{proto.package}.{kind}"
            else:
                made.type = getattr(kinds, f"TYPE_{kind.upper()}")
                made.options.packed = packed and repeated and kind != "string"
            if (name, label) in DEFAULTS:
                made.default_value = DEFAULTS[name, label]
    return proto


class Messages:
    """Messages(packed).VectorSearchQuery(topK=3, ...) and so on."""

    def __init__(self, packed):
        pool = descriptor_pool.DescriptorPool()
        file = pool.Add(_file(packed)) or pool.FindFileByName(f"vector_{packed}.proto")
        for name in MESSAGES:
            setattr(self, name, message_factory.GetMessageClass(file.message_types_by_name[name]))
