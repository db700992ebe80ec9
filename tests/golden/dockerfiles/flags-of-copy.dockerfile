FROM a
COPY --from=x --parents --link=true --exclude=*.o --chmod=u+x a b
