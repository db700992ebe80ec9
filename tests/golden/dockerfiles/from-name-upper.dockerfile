FROM a AS Build
FROM build as b-2_x.y
